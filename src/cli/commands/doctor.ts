import type { Command } from 'commander';
import { z } from 'zod';
import { type Examination, examine } from '../../doctor/doctor.ts';
import { type Launch, type Run, version } from '../command.ts';
import { CommandError } from '../failure.ts';
import type { Style } from '../terminal.ts';

const optionsSchema = z.object({ photo: z.url().optional(), link: z.url() });

export function doctorCommand(program: Command, launch: Launch): void {
  program
    .command('doctor')
    .argument('<integration>', 'id of the integration')
    .description(
      'try on the real account what the network leaves open: hidden posts and one draft, all deleted again; keeps what it finds as the capabilities of the integration',
    )
    .option('--photo <url>', 'an image that the network can fetch; without it photos are not tried')
    .option('--link <url>', 'a page to link to', 'https://www.example.com/?from=social-publisher')
    .action((id: string, options: unknown, command: Command) =>
      launch(command, async (run) => consult(run, id, optionsSchema.parse(options))),
    );
}

/** Exit code 1 where something could not be deleted again. */
async function consult(
  { session, answer, fail, style }: Run,
  id: string,
  { photo, link }: z.output<typeof optionsSchema>,
): Promise<void> {
  if (!z.uuid().safeParse(id).success)
    throw new CommandError('not_found', `There is no integration ${id}.`);
  const services = await session.services();
  const found = await examine(services, id.toLowerCase(), { photoUrl: photo ?? null, link });
  if (found.left.length > 0) fail();
  answer(found, () => describe(found, style));
}

function describe(found: Examination, style: Style): string {
  const { at, provider, account, network } = found;
  const width = Math.max(...found.findings.map(({ name }) => name.length));
  const lines = [
    `social-publisher ${version} looked at ${provider} account ${account} (${network}) at ${at}`,
    '',
    ...found.findings.map(
      ({ name, value, meaning, note }) =>
        `${mark(value, style)}  ${name.padEnd(width)}  ${meaning} ${style.dim(`(${note})`)}`,
    ),
    '',
    ...found.lists.map(
      ({ list, seen, shows }) =>
        `list ${list}: ${seen}; shows ${shows.join(', ') || 'none of the trials'}`,
    ),
    ...found.texts.map(
      ({ sent, shown }) => `sent  ${JSON.stringify(sent)}\nshown ${JSON.stringify(shown)}`,
    ),
    describeUsage(found),
    `calls: ${found.calls.map(({ method, path, status }) => `${method} ${path} ${status ?? 'no answer'}`).join(', ')}`,
    ...describeLeft(found, style),
  ];
  return `${lines.join('\n')}\n`;
}

function mark(value: string, style: Style): string {
  if (value === 'yes') return style.green('yes');
  return value === 'no' ? style.red('no ') : style.dim(' ? ');
}

function describeUsage({ usage }: Examination): string {
  if (usage === null) return 'limits: the network said nothing of them';
  return `limits: account ${percent(usage.percent)} used, app ${percent(usage.appPercent)} used`;
}

function percent(value: number | null): string {
  return value === null ? 'not told' : `${value} %`;
}

function describeLeft({ left }: Examination, style: Style): readonly string[] {
  if (left.length === 0) return ['everything that was made for this is deleted again'];
  return [style.red(`NOT DELETED, do it by hand on the network: ${left.join(', ')}`)];
}
