import { z } from 'zod';
import type { OpenApiDocument } from '../openapi.ts';
import { escapeHtml, htmlPage, prose } from './html.ts';
import {
  describeSchema,
  fieldsTable,
  type SchemaNode,
  type Schemas,
  schemaNode,
} from './schema-table.ts';

const parameter = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean(),
  description: z.string().default(''),
  schema: schemaNode,
});
const content = z.record(z.string(), z.object({ schema: schemaNode })).default({});
const operation = z.object({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  description: z.string().default(''),
  'x-for': z.string(),
  parameters: z.array(parameter).default([]),
  requestBody: z.object({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content })),
});
type Operation = z.output<typeof operation> & { readonly method: string; readonly path: string };
const document = z.object({
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  info: z.object({ title: z.string(), description: z.string() }),
  servers: z.array(z.object({ url: z.string() })),
  components: z.object({ schemas: z.record(z.string(), schemaNode) }),
});

const whoByAccess: Readonly<Record<string, string>> = {
  tenant: "For a tenant's key; or the operator or a platform key with <code>Tenant-Id</code>.",
  operator: "For the operator's token.",
  tenant_or_operator: "For a tenant's key, or the operator for all tenants.",
  everyone: 'Open to everyone.',
};

/** The OpenAPI document as a page: an index, groups, calls with fields, examples and problems, then the schemas. */
export function docsPage(openApi: OpenApiDocument): string {
  const { info, servers, components, tags } = document.parse(openApi);
  const operations = operationsOf(openApi);
  const { schemas } = components;
  const url = servers[0]?.url ?? '';
  const groups = tags.map((tag) => group(tag, operations, { schemas, url })).join('\n');
  return htmlPage(
    `${info.title} · API`,
    `<h1>${escapeHtml(info.title)}</h1><p>${prose(info.description)}</p>${introduction(url)}
${index(tags, operations)}
${groups}
<h2 id="schemas">Schemas</h2>${Object.entries(schemas)
      .map(([name, schema]) => schemaSection(name, schema))
      .join('\n')}`,
  );
}

interface Surroundings {
  readonly schemas: Readonly<Record<string, SchemaNode>>;
  readonly url: string;
}

function introduction(url: string): string {
  return `<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1), from which clients can be generated. Errors: <a href="/problems">/problems</a>, and the <a href="/problems#rules">rules</a> that posts keep. For the operator: the <a href="/admin/queues">queues</a>.</p>
<pre>curl ${escapeHtml(url)}/v1/posts -H 'Authorization: Bearer &lt;key of a tenant&gt;'</pre>
<p>JSON in UTF-8; times are answered in UTC; lists come newest first, <code>?limit</code> at a time, and go on with <code>?cursor=&lt;next_cursor&gt;</code>. Unknown fields and query parameters are refused; answers may come to have more fields. <code>X-Request-Id</code> is echoed, or made.</p>`;
}

type Tag = z.output<typeof document>['tags'][number];

/** Every call on one screen, so that the browser's own search finds it. */
function index(tags: readonly Tag[], operations: readonly Operation[]): string {
  const rows = tags.map(({ name }) => {
    const links = operationsOfTag(name, operations).map(
      ({ operationId, method, path, summary }) =>
        `<a href="#${escapeHtml(operationId)}" title="${escapeHtml(summary)}">${method} ${escapeHtml(path)}</a>`,
    );
    return `<tr><th><a href="#${anchor(name)}">${escapeHtml(name)}</a></th><td><div class="links">${links.join(' ')}</div></td></tr>`;
  });
  return `<nav><table>${rows.join('\n')}<tr><th><a href="#schemas">Schemas</a></th><td></td></tr></table></nav>`;
}

function operationsOfTag(tag: string, operations: readonly Operation[]): readonly Operation[] {
  return operations.filter(({ tags }) => tags[0] === tag);
}

function operationsOf({ paths }: OpenApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, value]) => ({
      ...operation.parse(value),
      method: method.toUpperCase(),
      path,
    })),
  );
}

function group(tag: Tag, operations: readonly Operation[], around: Surroundings): string {
  const own = operationsOfTag(tag.name, operations);
  return `<h2 id="${anchor(tag.name)}">${escapeHtml(tag.name)}</h2><p>${prose(tag.description)}</p>${own.map((one) => section(one, around)).join('\n')}`;
}

function section(one: Operation, around: Surroundings): string {
  // The anchor is inside: browsers open what is closed around the place that an address names.
  const id = escapeHtml(one.operationId);
  return `<details><summary><span class="method">${one.method}</span><code>${escapeHtml(one.path)}</code><span class="quiet">${prose(one.summary)}</span>${linkHere(id)}</summary><div id="${id}">
<p>${whoByAccess[one['x-for']] ?? ''} ${prose(one.description)}</p>
${parametersTable(one)}${requestPart(one, around)}${responsesTable(one)}${answerExample(one, around)}</div></details>`;
}

function parametersTable({ parameters }: Operation): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    (one) =>
      `<tr><td><code>${escapeHtml(one.name)}</code></td><td>${one.in}${one.required ? ', required' : ''}</td><td>${describeSchema(one.schema)}</td><td>${prose(one.description)}</td></tr>`,
  );
  return `<h4>Parameters</h4><table class="fields">${rows.join('')}</table>`;
}

function requestPart(one: Operation, { schemas, url }: Surroundings): string {
  const schema = one.requestBody?.content['application/json']?.schema;
  if (schema === undefined) return '';
  const example = JSON.stringify(requestExample(schema, schemas), null, 2);
  const call = `curl -X ${one.method} ${url}${one.path} \\\n  -H 'Authorization: Bearer <key>' -H 'Content-Type: application/json' \\\n  -d '${example.replaceAll("'", String.raw`'\''`)}'`;
  return `<h4>Body${one.requestBody?.required === true ? '' : ' (optional)'}</h4>${fieldsTable(schema, schemas)}<pre>${escapeHtml(call)}</pre>`;
}

function responsesTable({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, { description, content: body }]) => {
    const schema = body['application/json']?.schema;
    const shape = schema === undefined ? '' : describeSchema(schema);
    return `<tr><td>${status}</td><td>${linkProblems(description)}</td><td>${shape}</td></tr>`;
  });
  return `<h4>Answers</h4><table>${rows.join('')}</table>`;
}

function answerExample({ responses }: Operation, { schemas }: Surroundings): string {
  const schema = Object.values(responses)[0]?.content['application/json']?.schema;
  if (schema === undefined) return '';
  return `<pre>${escapeHtml(JSON.stringify(exampleOf(schema, schemas), null, 2))}</pre>`;
}

function schemaSection(name: string, schema: SchemaNode): string {
  const id = `schema-${escapeHtml(name)}`;
  return `<details><summary><h3>${escapeHtml(name)}</h3><span class="quiet">${prose(schema.description ?? '')}</span>${linkHere(id)}</summary><div id="${id}">${fieldsTable(schema)}</div></details>`;
}

/** An address to copy. */
function linkHere(id: string): string {
  return `<a class="here" href="#${id}" aria-label="Link to ${id}">#</a>`;
}

function linkProblems(text: string): string {
  return escapeHtml(text).replace(/`(\w+)`/g, '<a href="/problems/$1"><code>$1</code></a>');
}

function anchor(text: string): string {
  return text.toLowerCase().replaceAll(' ', '-');
}

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
function requestExample(schema: SchemaNode, schemas: Schemas): unknown {
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
function exampleOf(schema: SchemaNode, schemas: Schemas, depth = 0): unknown {
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
