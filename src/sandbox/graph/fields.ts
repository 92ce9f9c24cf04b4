import { GraphError, invalidParameter, objectValue } from './call.ts';

/** One entry of `fields=`: `comments.limit(0).summary(true)` or `attachments{media,url}`. */
export interface Field {
  readonly name: string;
  readonly args: ReadonlyMap<string, string>;
  readonly children: readonly Field[] | null;
}

/** What a kind of node can be asked, with what is answered unasked. */
export interface NodeType<T> {
  readonly name: string;
  readonly defaults: readonly string[];
  readonly fields: Readonly<Record<string, (item: T, field: Field) => unknown>>;
  /** Names allowed below a field, for those that have any. */
  readonly children?: Readonly<Record<string, { name: string; fields: readonly string[] }>>;
  /** Fields that once existed: Meta answers code 12 for them. */
  readonly removed?: ReadonlySet<string>;
}

const known = new Map<string, readonly Field[]>();

export function parseFields(text: string): readonly Field[] {
  const cached = known.get(text);
  if (cached !== undefined) return cached;
  const fields = new FieldParser(text).parse();
  if (known.size < 500) known.set(text, fields);
  return fields;
}

/** Throws for the first field that nodes of this type do not have; one wrong name fails the whole call. */
export function checkFields<T>(type: NodeType<T>, fields: readonly Field[]): void {
  for (const field of fields) {
    if (type.removed?.has(field.name) === true) throw removedField();
    if (!Object.hasOwn(type.fields, field.name)) throw nonexisting(field.name, type.name);
    checkChildren(type, field);
  }
}

function checkChildren<T>(type: NodeType<T>, field: Field): void {
  const below = type.children?.[field.name];
  for (const child of field.children ?? []) {
    if (below === undefined || !below.fields.includes(child.name)) {
      throw nonexisting(child.name, below?.name ?? field.name);
    }
  }
}

function nonexisting(field: string, type: string): GraphError {
  return invalidParameter(`Tried accessing nonexisting field (${field}) on node type (${type})`);
}

function removedField(): GraphError {
  return new GraphError(
    '(#12) deprecate_post_aggregated_fields_for_attachement is deprecated for versions v3.3 and higher',
    { code: 12 },
  );
}

/** The fields asked for, plus `id`; what has no value is left out, as Meta does. */
export function project<T>(
  type: NodeType<T>,
  item: T,
  asked: readonly Field[] | null,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const fields = asked ?? type.defaults.map((name) => plain(name));
  for (const field of fields) {
    const value = type.fields[field.name]?.(item, field);
    if (value === undefined || value === null) continue;
    result[field.name] = field.children === null ? value : select(value, field.children);
  }
  if (!Object.hasOwn(result, 'id')) {
    const id = type.fields['id']?.(item, plain('id'));
    if (id !== undefined) result['id'] = id;
  }
  return result;
}

function plain(name: string): Field {
  return { name, args: new Map(), children: null };
}

/** Selects inside a plain value; a list under `data` is selected element by element. */
function select(value: unknown, children: readonly Field[]): unknown {
  if (Array.isArray(value)) return value.map((element) => select(element, children));
  const object = objectValue(value);
  if (object === undefined) return value;
  if (Array.isArray(object['data'])) return { ...object, data: select(object['data'], children) };
  const result: Record<string, unknown> = {};
  for (const child of children) {
    const inner = object[child.name];
    if (inner === undefined) continue;
    result[child.name] = child.children === null ? inner : select(inner, child.children);
  }
  return result;
}

class FieldParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): readonly Field[] {
    const fields = this.#list();
    if (this.#at < this.#text.length) this.#fail();
    return fields;
  }

  #list(): Field[] {
    const fields = [this.#field()];
    while (this.#take(',')) fields.push(this.#field());
    return fields;
  }

  #field(): Field {
    const name = this.#word();
    const args = new Map<string, string>();
    while (this.#take('.')) {
      const arg = this.#word();
      if (!this.#take('(')) this.#fail();
      const end = this.#text.indexOf(')', this.#at);
      if (end === -1) this.#fail();
      args.set(arg, this.#text.slice(this.#at, end));
      this.#at = end + 1;
    }
    if (!this.#take('{')) return { name, args, children: null };
    const children = this.#list();
    if (!this.#take('}')) this.#fail();
    return { name, args, children };
  }

  #word(): string {
    const word = /^\s*([A-Za-z0-9_]+)\s*/.exec(this.#text.slice(this.#at));
    if (word === null) this.#fail();
    this.#at += word[0].length;
    return word[1] ?? '';
  }

  #take(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #fail(): never {
    const found = this.#text[this.#at] ?? 'end of string';
    throw new GraphError(
      `Syntax error "Expected name or symbol instead of "${found}"." at character ${this.#at}: ${this.#text}`,
      { code: 2500 },
    );
  }
}
