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

/** The fields of an object, or of the objects it may be; for anything else one line. */
export function fieldsTable(schema: SchemaNode): string {
  const branches = schema.anyOf ?? schema.oneOf;
  if (schema.properties === undefined && branches !== undefined) {
    return branches.map(fieldsTable).join('<p class="quiet">or</p>');
  }
  if (schema.properties === undefined) return `<p>${describeSchema(schema)}</p>`;
  const rows = Object.entries(schema.properties).map(
    ([name, field]) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${describeSchema(field)}${schema.required?.includes(name) === true ? '' : ' <span class="quiet">optional</span>'}</td><td>${prose(field.description ?? '')}</td></tr>`,
  );
  return `<table>${rows.join('')}</table>`;
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
  const name = escapeHtml(ref.slice(ref.lastIndexOf('/') + 1));
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
