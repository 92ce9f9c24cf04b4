import type { SchemaNode, Schemas } from './schema-table.ts';

const byFormat: Readonly<Record<string, unknown>> = {
  uuid: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d',
  guid: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d',
  'date-time': '2026-12-01T09:00:00.000Z',
  uri: 'https://example.com/page',
};

const byType: Readonly<Record<string, unknown>> = {
  string: 'text',
  boolean: false,
  array: [],
  null: null,
};

/** A body that the call would take: the example that was written for it, or what is required of it. */
export function requestExample(schema: SchemaNode, schemas: Schemas): unknown {
  const target = schema.$ref === undefined ? schema : named(schema.$ref, schemas);
  const branch = (target?.anyOf ?? target?.oneOf)?.[0];
  if (branch !== undefined) return requestExample(branch, schemas);
  const { properties, required = [] } = target ?? {};
  if (target?.examples !== undefined || properties === undefined) {
    return exampleOf(target ?? {}, schemas);
  }
  const needed = Object.entries(properties).filter(([name]) => required.includes(name));
  return objectOf(Object.fromEntries(needed), schemas, 0);
}

/** A value that fits the schema well enough to show its shape. Refers no deeper than four levels. */
export function exampleOf(schema: SchemaNode, schemas: Schemas, depth = 0): unknown {
  const [given] = schema.examples ?? [];
  if (given !== undefined) return given;
  if (schema.$ref !== undefined) return referred(schema.$ref, schemas, depth);
  if (schema.const !== undefined) return schema.const;
  const [first] = schema.enum ?? schema.anyOf ?? schema.oneOf ?? [];
  if (schema.enum !== undefined) return schema.default ?? first;
  const branch = (schema.anyOf ?? schema.oneOf)?.[0];
  if (branch !== undefined) return exampleOf(branch, schemas, depth);
  if (schema.properties !== undefined) return objectOf(schema.properties, schemas, depth);
  if (schema.items !== undefined)
    return depth > 4 ? [] : [exampleOf(schema.items, schemas, depth + 1)];
  return schema.default ?? byFormat[schema.format ?? ''] ?? plainOf(schema);
}

function referred(ref: string, schemas: Schemas, depth: number): unknown {
  const target = named(ref, schemas);
  return target === undefined || depth > 4 ? {} : exampleOf(target, schemas, depth + 1);
}

function named(ref: string, schemas: Schemas): SchemaNode | undefined {
  return schemas[ref.slice(ref.lastIndexOf('/') + 1)];
}

function objectOf(
  properties: Readonly<Record<string, SchemaNode>>,
  schemas: Schemas,
  depth: number,
): unknown {
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [name, exampleOf(field, schemas, depth + 1)]),
  );
}

function plainOf({ type, minimum }: SchemaNode): unknown {
  const [first = ''] = typeof type === 'string' ? [type] : (type ?? []);
  if (first === 'integer' || first === 'number') return Math.max(minimum ?? 1, 1);
  return first in byType ? byType[first] : {};
}
