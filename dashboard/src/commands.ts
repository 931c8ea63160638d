// The line of a shell that does what a dialog does. It names the app, as more than one may run where it is typed.

import { signal } from '@preact/signals';
import { filterFlags } from './query';

// What goes along with a verb.
export interface Said {
  event: string;
  data: string;
  reason: string;
  id: string; // of what a rerun makes; of many: how their ids end
}

export type Verb = 'raise' | 'suspend' | 'resume' | 'terminate' | 'rerun' | 'purge';

// The app that is looked at, once it is known.
export const ownApp = signal<string | undefined>(undefined);

export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);

// A flag and its value, which may begin with a dash; nothing without a value.
const flag = (name: string, value: string): string[] => (value ? [value.startsWith('-') ? `${name}=${shellWord(value)}` : `${name} ${shellWord(value)}`] : []);

// Words that are no flags stand last, behind '--' where one looks like a flag.
function line(verb: string, flags: readonly string[], ...words: string[]): string {
  const app = ownApp.value;
  const last = words.some((word) => word.startsWith('-')) ? ['--', ...words] : words;
  return ['pawl workflow', verb, ...(app === undefined ? [] : flag('-a', app)), ...flags, ...last.map(shellWord)].join(' ');
}

// What a verb is in the shell, with what was said, without whom it concerns.
function verbFlags(verb: Verb, { data, reason }: Said): string[] {
  if (verb === 'raise') return flag('--input', data);
  if (verb === 'terminate') return flag('--output', reason && JSON.stringify(reason));
  if (verb === 'rerun') return ['--from-failure'];
  return verb === 'purge' ? [] : flag('--reason', reason);
}

const WORDS: Partial<Record<Verb, string>> = { raise: 'raise-event' };

export function verbLine(verb: Verb, id: string, said: Said): string {
  const flags = [...verbFlags(verb, said), ...(verb === 'rerun' ? flag('--new-instance-id', said.id) : [])];
  return line(WORDS[verb] ?? verb, flags, verb === 'raise' ? `${id}/${said.event || 'EVENT'}` : id);
}

// undefined: the shell has no flags for a part of the filter.
export function bulkLine(verb: Verb, q: string, said: Said): string | undefined {
  const filter = filterFlags(q || 'id:""');
  if (!filter) return undefined;
  const flags = [...verbFlags(verb, said), ...(verb === 'rerun' ? flag('--id-suffix', said.id) : []), ...filter.flatMap(([name, value]) => flag(name, value))];
  return line(WORDS[verb] ?? verb, flags, ...(verb === 'raise' ? [said.event || 'EVENT'] : []));
}

export const startLine = (name: string, id: string, input: string): string => line('run', [...flag('--instance-id', id), ...flag('--input', input)], name || 'NAME');

export const rerunLine = (id: string, event: number, fresh: string, input: string): string =>
  line('rerun', [`-e ${event}`, ...flag('--new-instance-id', fresh), ...flag('--input', input)], id);
