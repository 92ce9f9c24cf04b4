import { expect, it } from 'vitest';
import { errorTable, generalErrors } from '../../../src/graph/codes.ts';
import { renderErrorsPage } from '../../../src/graph/errors-page.ts';

it('is written out in docs/errors.md (vitest -u writes it)', async () => {
  await expect(renderErrorsPage()).toMatchFileSnapshot('../../../docs/errors.md');
});

it('has each number once', () => {
  const numbers = errorTable.map(
    ({ code, subcode, type, onAccount }) => `${String(code)}/${subcode} ${type} ${onAccount}`,
  );
  expect(numbers.filter((one, index) => numbers.indexOf(one) !== index)).toEqual([]);
});

it('tells people, in whole sentences, what happened and what to do', () => {
  const lines = [...errorTable, ...Object.values(generalErrors)];
  const sloppy = lines.filter(
    ({ key, user_message: said, action }) =>
      !/^[a-z][a-z0-9_]+$/.test(key) || !/^[A-Z].*\.$/.test(said) || !/^[A-Z].*\.$/.test(action),
  );
  expect(sloppy).toEqual([]);
});

it('means the same by the same key', () => {
  const classes = Map.groupBy([...errorTable, ...Object.values(generalErrors)], ({ key }) => key);
  const mixed = [...classes].filter(
    ([, lines]) => new Set(lines.map((line) => line.class)).size > 1,
  );
  expect(mixed.map(([key]) => key)).toEqual([]);
});
