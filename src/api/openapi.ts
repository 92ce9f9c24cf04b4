import { z } from 'zod';
import { problemSchema } from './errors.ts';
import { formType } from './input.ts';
import { type ProblemCode, problemKindOf } from './problem-codes.ts';
import { type ResponseSpec, type Route, tags } from './route.ts';

/** JSON that was read as it comes; the document is data and nothing of it is called. */
type Json = Record<string, unknown>;

export interface OpenApiDocument extends Json {
  readonly openapi: '3.1.1';
  readonly paths: Record<string, Record<string, Json>>;
}

/** The OpenAPI document of these routes, from the schemas that parse their requests. */
export function buildOpenApi(routes: readonly Route[], publicUrl: string): OpenApiDocument {
  const schemas = new Map<string, Json>();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operationOf(route, schemas);
  }
  // Every refusal refers to it, and no route's own answers do.
  schemaOf(problemSchema, 'output', schemas);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Social Publisher',
      version: '1',
      description:
        'Publishes approved posts: never twice, never lost, on time. `/v1` only grows. Errors are problem documents (RFC 9457) whose `code` is stable; `/problems` lists them.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: publicUrl }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            "A tenant's key; or the operator's token or a platform key, with the header Tenant-Id where a tenant is meant.",
        },
      },
    },
  };
}

function operationOf(route: Route, schemas: Map<string, Json>): Json {
  const { params, query, body } = route.input;
  const parameters = [
    ...parametersOf(params, 'path', schemas),
    ...parametersOf(query, 'query', schemas),
    ...headersOf(route),
  ];
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    'x-for': route.access,
    ...(route.access === 'everyone' ? { security: [] } : { security: [{ bearer: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: bodyOf(route, body, schemas) }),
    responses: { ...responsesOf(route, schemas), ...problemsOf(route) },
  };
}

function bodyOf(route: Route, body: z.ZodType, schemas: Map<string, Json>): Json {
  const contentType = route.takesForm === true ? formType : 'application/json';
  return {
    required: !body.safeParse(undefined).success,
    content: { [contentType]: { schema: schemaOf(body, 'input', schemas) } },
  };
}

function responsesOf(route: Route, schemas: Map<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, spec]) => [
      status,
      { description: spec.description, ...contentOf(spec, schemas), ...answerHeaders(spec) },
    ]),
  );
}

function contentOf({ body, contentType, page }: ResponseSpec, schemas: Map<string, Json>): Json {
  if (contentType !== undefined)
    return { content: { [contentType]: { schema: { type: 'string' } } } };
  if (body === undefined) return {};
  const json = { 'application/json': { schema: schemaOf(body, 'output', schemas) } };
  return {
    content: page === true ? { ...json, 'text/html': { schema: { type: 'string' } } } : json,
  };
}

function answerHeaders({ headers }: ResponseSpec): Json {
  if (headers === undefined) return {};
  const described = Object.entries(headers).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' } },
  ]);
  return { headers: Object.fromEntries(described) };
}

/** Codes by status: those that every route of this kind can answer, and the route's own. */
function problemsOf(route: Route): Record<string, Json> {
  const byStatus = new Map<number, string[]>();
  for (const code of new Set([...commonProblems(route), ...(route.problems ?? [])])) {
    const status = problemKindOf(code)?.status;
    if (status === undefined) throw new Error(`${route.operationId}: no problem has code ${code}`);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\``).join(', '),
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    ]),
  );
}

function commonProblems(route: Route): readonly ProblemCode[] {
  const { body } = route.input;
  return [
    // Also of a route that reads nothing: an unknown query parameter is refused.
    'malformed_request',
    ...(route.access === 'everyone'
      ? []
      : (['unauthenticated', 'forbidden', 'too_many_requests', 'database_unavailable'] as const)),
    ...(route.access === 'tenant' ? (['tenant_required'] as const) : []),
    ...(body === undefined
      ? []
      : ([
          'malformed_json',
          'malformed_text',
          'invalid',
          'body_too_large',
          'unsupported_media_type',
        ] as const)),
    ...(route.method === 'POST'
      ? (['idempotency_in_progress', 'idempotency_key_reused'] as const)
      : []),
  ];
}

function headersOf(route: Route): Json[] {
  const isForTenant = route.access === 'tenant' || route.access === 'tenant_or_operator';
  const tenantId = headerOf(
    'Tenant-Id',
    "Only with the operator's token or a platform key: the tenant to act for.",
    { type: 'string', format: 'uuid' },
  );
  const idempotencyKey = headerOf(
    'Idempotency-Key',
    'The same request under the same key answers the same, for 30 days.',
    { type: 'string', minLength: 1, maxLength: 255 },
  );
  return [...(isForTenant ? [tenantId] : []), ...(route.method === 'POST' ? [idempotencyKey] : [])];
}

function headerOf(name: string, description: string, schema: Json): Json {
  return { name, in: 'header', required: false, description, schema };
}

function parametersOf(
  schema: z.ZodType | undefined,
  place: 'path' | 'query',
  schemas: Map<string, Json>,
): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = objectSchema.parse(schemaOf(schema, 'input', schemas));
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
  }));
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  required: z.array(z.string()).optional(),
});
const describedSchema = z.looseObject({ description: z.string().optional() });
const wrapped = z.object({
  properties: z.object({ it: z.record(z.string(), z.unknown()) }),
  $defs: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

/** As JSON Schema; what carries an id goes into `schemas` and is referred to. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Map<string, Json>): Json {
  // Inside an object, so that the schema itself can become a reference too.
  const { properties, $defs = {} } = wrapped.parse(
    z.toJSONSchema(z.object({ it: schema }), {
      io,
      unrepresentable: 'any',
      ...(io === 'output' ? { override: leaveOpen } : {}),
    }),
  );
  for (const [name, { id: _id, ...definition }] of Object.entries($defs)) {
    const described = io === 'input' ? withDefaultsInWords(definition) : definition;
    define(schemas, name, relinked(tidy(described)));
  }
  return relinked(tidy(properties.it));
}

/** `/v1` grows: an answer may come to have more fields, and no client may refuse it for that. */
function leaveOpen({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  delete jsonSchema.additionalProperties;
}

/** Generators take a named schema's field with a `default` for one that is always there, also where it is asked for. */
function withDefaultsInWords(definition: Json): Json {
  const { properties, ...rest } = objectSchema.loose().parse(definition);
  if (properties === undefined) return definition;
  const worded = Object.entries(properties).map(([name, { default: value, ...field }]) => {
    if (value === undefined) return [name, field];
    const { description = '' } = describedSchema.parse(field);
    const text = `${description} Default: \`${JSON.stringify(value)}\`.`;
    return [name, { ...field, description: text.trim() }];
  });
  return { ...rest, properties: Object.fromEntries(worded) };
}

/** One name, one meaning: a schema is asked for or answered, and is given another name where the two differ. */
function define(schemas: Map<string, Json>, name: string, definition: Json): void {
  const known = schemas.get(name);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(definition)) {
    throw new Error(`Two schemas are called ${name}.`);
  }
  schemas.set(name, definition);
}

/** Zod's own patterns for ids and times are longer than the page they stand on; `format` says it. */
function tidy(schema: Json): Json {
  const text = JSON.stringify(schema, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { format, pattern, ...rest } = asJson.parse(value);
    if (format === undefined) return value;
    return pattern === undefined || typeof format !== 'string' ? value : { ...rest, format };
  });
  return asJson.parse(JSON.parse(text));
}

const asJson = z.record(z.string(), z.unknown());

function relinked(schema: Json): Json {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/');
  return asJson.parse(JSON.parse(text));
}
