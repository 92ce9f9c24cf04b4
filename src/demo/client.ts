import axios from 'axios';
import { z } from 'zod';

export interface SandboxPage {
  readonly id: string;
  readonly token: string;
}

const pageAnswer = z.object({ id: z.string(), access_token: z.string() });
const ledgerAnswer = z.object({
  data: z.array(z.looseObject({ kind: z.string(), id: z.string(), page_id: z.string() })),
});

/** A Page in the sandbox with a token that may publish to it, as connecting at Meta would give. */
export async function createSandboxPage(
  sandboxUrl: string,
  page: { readonly id: string; readonly name: string },
): Promise<SandboxPage> {
  const { data } = await axios.post<unknown>(`${sandboxUrl}/_sandbox/pages`, page);
  const { id, access_token: token } = pageAnswer.parse(data);
  return { id, token };
}

/** The ids of every post that the sandbox ever created, as its ledger has them. */
export async function listSandboxPosts(sandboxUrl: string): Promise<string[]> {
  const { data } = await axios.get<unknown>(`${sandboxUrl}/_sandbox/ledger`, {
    params: { kind: 'post' },
  });
  return ledgerAnswer.parse(data).data.map(({ id }) => id);
}
