export const unknownPolicies = ['send_again', 'ask'] as const;
export type UnknownPolicy = (typeof unknownPolicies)[number];

/** A customer of the operator. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** An IANA zone: what wall times mean where none is given. */
  readonly timezone: string;
  /** Whether anything may be made public without a person. */
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  /** What happens with a post that is proven absent after an unknown outcome. */
  readonly whenUnknown: UnknownPolicy;
  /** The calendar's own id of this tenant. */
  readonly reference: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type TenantSettings = Pick<
  Tenant,
  'name' | 'timezone' | 'autoPublish' | 'lateLimitS' | 'whenUnknown' | 'reference'
>;

/** What is undefined stays as it is. */
export type TenantChange = {
  readonly [Name in keyof TenantSettings]?: TenantSettings[Name] | undefined;
};
