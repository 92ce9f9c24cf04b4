export interface GraphErrorFields {
  readonly code?: number;
  readonly subcode?: number;
  readonly status?: number;
  readonly type?: string;
  readonly transient?: boolean;
  readonly userTitle?: string;
  readonly userMessage?: string;
}

/** An answer in Meta's error envelope; thrown wherever a call is refused, written by the server. */
export class GraphError extends Error {
  override name = 'GraphError';
  readonly fields: GraphErrorFields;
  /** Set where the effect of the call took place before the refusal. */
  readonly afterEffect: boolean;

  constructor(message: string, fields: GraphErrorFields, afterEffect = false) {
    super(message);
    this.fields = fields;
    this.afterEffect = afterEffect;
  }

  get status(): number {
    return this.fields.status ?? 400;
  }

  envelope(traceId: string): object {
    const { code, subcode, type, transient, userTitle, userMessage } = this.fields;
    return {
      error: {
        message: this.message,
        type: type ?? 'OAuthException',
        code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(transient === undefined ? {} : { is_transient: transient }),
        ...(userTitle === undefined ? {} : { error_user_title: userTitle }),
        ...(userMessage === undefined ? {} : { error_user_msg: userMessage }),
        fbtrace_id: traceId,
      },
    };
  }
}

export function invalidParameter(message: string): GraphError {
  return new GraphError(`(#100) ${message}`, { code: 100 });
}

/** The answer for an id that is not there, or not for this token: Meta does not tell the two apart. */
export function unsupportedRequest(method: string, id: string): GraphError {
  return new GraphError(
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api`,
    { code: 100, subcode: 33, type: 'GraphMethodException' },
  );
}

export function unknownPath(path: string): GraphError {
  return new GraphError(`Unknown path components: ${path}`, { code: 2500 });
}

export function permissionDenied(code: number, message: string): GraphError {
  return new GraphError(`(#${code}) ${message}`, { code, status: 403 });
}

export function invalidToken(message: string, subcode?: number, status = 400): GraphError {
  return new GraphError(message, {
    code: 190,
    status,
    ...(subcode === undefined ? {} : { subcode }),
  });
}
