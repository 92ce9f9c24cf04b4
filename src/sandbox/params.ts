import { invalidParameter } from './graph-error.ts';

/** What a call says, from query, form or JSON alike: strings from the first two, any JSON value from the last. */
export type Params = ReadonlyMap<string, unknown>;

export interface FilePart {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export function textParam(params: Params, name: string): string | undefined {
  const value = params.get(name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalidParameter(`Param ${name} must be a string.`);
}

export function booleanParam(params: Params, name: string): boolean | undefined {
  const value = textParam(params, name);
  if (value === undefined || value === '') return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw invalidParameter(`Param ${name} must be a boolean`);
}

/** A parameter that may be JSON (an object or a list) or, in forms, JSON as a string. */
export function jsonParam(params: Params, name: string): unknown {
  const value = params.get(name);
  if (typeof value !== 'string') return value;
  if (value === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return parsed;
  } catch {
    throw invalidParameter(`Param ${name} must be valid JSON`);
  }
}

export function objectValue(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}
