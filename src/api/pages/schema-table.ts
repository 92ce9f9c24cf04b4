import { z } from 'zod';
import { escapeHtml, prose } from './html.ts';

/** As much of JSON Schema as our own schemas use. */
export interface SchemaNode {
  readonly $ref?: string | undefined;
  readonly type?: string | readonly string[] | undefined;
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: SchemaNode | undefined;
  readonly anyOf?: readonly SchemaNode[] | undefined;
  readonly oneOf?: readonly SchemaNode[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
}

export type Schemas = Readonly<Record<string, SchemaNode>>;

export const schemaNode: z.ZodType<SchemaNode> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    format: z.string().optional(),
    description: z.string().optional(),
    properties: z.record(z.string(), schemaNode).optional(),
    required: z.array(z.string()).optional(),
    items: schemaNode.optional(),
    anyOf: z.array(schemaNode).optional(),
    oneOf: z.array(schemaNode).optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
    default: z.unknown().optional(),
    examples: z.array(z.unknown()).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
  }),
);

/** The fields of an object, or of the objects it may be; for anything else one line. What is `named` is written out. */
export function fieldsTable(schema: SchemaNode, named: Schemas = {}): string {
  const target = resolved(schema, named);
  const branches = target.anyOf ?? target.oneOf;
  if (target.properties === undefined && branches !== undefined) {
    return branches.map((branch) => fieldsTable(branch, named)).join('<p class="quiet">or</p>');
  }
  if (target.properties === undefined) return `<p>${describeSchema(target)}</p>`;
  return `<table class="fields">${fieldRows(target, named, '').join('')}</table>`;
}

/** With the fields of what lies inside: `media[].url`. */
function fieldRows(schema: SchemaNode, named: Schemas, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const isNeeded = schema.required?.includes(name) === true;
    const row = `<tr><td><code>${escapeHtml(path)}</code></td><td>${describeSchema(field)}${isNeeded ? '' : ' <span class="quiet">optional</span>'}</td><td>${prose(field.description ?? '')}</td></tr>`;
    const inner = innerObject(field, named);
    return [row, ...(inner === null ? [] : fieldRows(inner.schema, named, `${path}${inner.step}`))];
  });
}

function innerObject(
  field: SchemaNode,
  named: Schemas,
): { readonly schema: SchemaNode; readonly step: string } | null {
  const branches = field.anyOf ?? field.oneOf ?? [field];
  for (const branch of branches) {
    const schema = resolved(branch.items ?? branch, named);
    const step = branch.items === undefined ? '.' : '[].';
    if (schema.properties !== undefined) return { schema, step };
  }
  return null;
}

function resolved(schema: SchemaNode, named: Schemas): SchemaNode {
  return (schema.$ref === undefined ? undefined : named[nameOf(schema.$ref)]) ?? schema;
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}

/** Type and bounds in a few words, with links to named schemas. */
export function describeSchema(schema: SchemaNode): string {
  if (schema.$ref !== undefined) return reference(schema.$ref);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return branches.map(describeSchema).join(' or ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(' ');
  if (schema.items !== undefined) return `list of ${describeSchema(schema.items)}${bounds(schema)}`;
  const type =
    typeof schema.type === 'string' ? schema.type : (schema.type ?? ['anything']).join(' or ');
  return `${escapeHtml(schema.format ?? type)}${bounds(schema)}`;
}

function reference(ref: string): string {
  const name = escapeHtml(nameOf(ref));
  return `<a href="#schema-${name}">${name}</a>`;
}

function bounds(schema: SchemaNode): string {
  const parts = [
    range(schema.minimum, schema.maximum, ''),
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' items'),
    schema.default === undefined ? '' : `default ${code(schema.default)}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  const isOpen = max === undefined || max >= Number.MAX_SAFE_INTEGER;
  const hasMin = min !== undefined && min > -Number.MAX_SAFE_INTEGER;
  if (isOpen) return hasMin ? `at least ${min}${unit}` : '';
  return hasMin ? `${min} to ${max}${unit}` : `at most ${max}${unit}`;
}

function code(value: unknown): string {
  return `<code>${escapeHtml(JSON.stringify(value))}</code>`;
}
