import { z } from 'zod';
import { NotFoundError } from '../../errors.ts';
import { forEveryone } from '../auth.ts';
import { buildOpenApi } from '../openapi.ts';
import { docsPage } from '../pages/docs.ts';
import { htmlHeaders } from '../pages/html.ts';
import { problemPage, problemsPage, rulePage } from '../pages/problems.ts';
import { rulePages } from '../pages/rule-texts.ts';
import { problemKindOf } from '../problem-codes.ts';
import { type Answer, defineRoute, type Route } from '../route.ts';

const tag = 'Documentation';
const html = { 200: { description: 'A page for people.', contentType: 'text/html' } };

/** The pages about these routes, and about themselves. */
export function documentationRoutes(others: readonly Route[]): readonly Route[] {
  const documented = (): readonly Route[] => [...others, ...own];
  const own: readonly Route[] = [
    defineRoute({
      method: 'GET',
      path: '/openapi.json',
      operationId: 'openapi',
      summary: 'This description, for programs (OpenAPI 3.1)',
      tag,
      auth: forEveryone,
      input: {},
      responses: { 200: { description: 'The document.', body: z.looseObject({}) } },
      handler: ({ publicUrl }) =>
        Promise.resolve({ status: 200, body: buildOpenApi(documented(), publicUrl) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/docs',
      operationId: 'docs',
      summary: 'The same, for people',
      tag,
      auth: forEveryone,
      input: {},
      responses: html,
      handler: async ({ publicUrl }) => page(docsPage(buildOpenApi(documented(), publicUrl))),
    }),
    defineRoute({
      method: 'GET',
      path: '/problems',
      operationId: 'problems',
      summary: 'Every code and every rule that an error can name',
      tag,
      auth: forEveryone,
      input: {},
      responses: html,
      handler: async (_request, { publishers }) => page(problemsPage(rulePages(publishers))),
    }),
    defineRoute({
      method: 'GET',
      path: '/problems/{code}',
      operationId: 'problem',
      summary: 'What one code, or one rule, means and what to do',
      tag,
      auth: forEveryone,
      input: { params: z.strictObject({ code: z.string() }) },
      responses: html,
      problems: ['not_found'],
      async handler({ params: { code }, publicUrl }, { publishers }) {
        const kind = problemKindOf(code);
        if (kind !== undefined) return page(problemPage(code, kind, publicUrl));
        const rule = rulePages(publishers).get(code);
        if (rule !== undefined) return page(rulePage(code, rule));
        throw new NotFoundError('not_found', 'No problem has this code, and no rule this id.');
      },
    }),
  ];
  return own;
}

function page(body: string): Answer {
  return { status: 200, body, headers: htmlHeaders };
}
