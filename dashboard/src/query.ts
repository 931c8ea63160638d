// The text of a filter, as terms: words, and key:value. The daemon gives terms their meaning (docs/workflows.md, "Filters"); here they are
// only taken apart, shown as chips, and put together again.

export interface Term {
  not: boolean;
  key: string; // '' for a bare word
  value: string;
}

export function parseTerms(text: string): Term[] {
  const out: Term[] = [];
  for (const match of text.matchAll(/(-?)(?:([A-Za-z][\w.]*)([:<>]))?(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)) {
    const [, minus, key = '', sign = '', quoted, plain] = match;
    const value = quoted === undefined ? plain! : quoted.replace(/\\(.)/g, '$1');
    out.push({ not: minus === '-', key, value: sign === '<' || sign === '>' ? sign + value : value });
  }
  return out;
}

export function formatTerm({ not, key, value }: Term): string {
  const sign = /^[<>]/.test(value) && key ? value[0]! : key ? ':' : '';
  const bare = sign === '<' || sign === '>' ? value.slice(1) : value;
  const text = /^[^\s"]+$/.test(bare) ? bare : `"${bare.replace(/["\\]/g, '\\$&')}"`;
  return `${not ? '-' : ''}${key}${sign}${text}`;
}

export const formatTerms = (terms: readonly Term[]): string => terms.map(formatTerm).join(' ');

// The text without the terms of |key|, and with |value| for it if there is one.
export function withTerm(text: string, key: string, value?: string): string {
  const terms = parseTerms(text).filter((term) => term.key !== key);
  if (value) terms.push({ not: false, key, value });
  return formatTerms(terms);
}

export function valueOf(text: string, key: string): string | undefined {
  return parseTerms(text).find((term) => term.key === key && !term.not)?.value;
}

// What may stand in a filter, with an example of each.
export const HELP: readonly [string, string][] = [
  ['order-7', 'ids that begin so'],
  ['status:failed,stalled', 'one of these statuses'],
  ['name:order_processor', 'instances of this workflow'],
  ['wait:event:approval', 'those that wait for this event; wait:event for any'],
  ['wait:activity:charge', 'the same of an activity; also wait:retry, wait:timer and wait:child'],
  ['wait:worker', 'those with work that no worker has'],
  ['failure:CardDeclined', 'those that failed with an error of this type'],
  ['parent:order-7', 'its children'],
  ['tag.team:blue', 'those with this tag'],
  ['says:packing', 'those whose custom status has this text'],
  ['age<1h', 'created within the last hour; age>2d: longer ago'],
  ['ended<10m', 'ended within the last ten minutes; ended>1h: longer ago'],
];

const FLAGS: Record<string, string> = {
  'name:': '--filter-name',
  'status:': '--filter-status',
  'parent:': '--filter-parent',
  'failure:': '--filter-failure',
  'says:': '--filter-custom-status',
  'wait:': '--filter-wait',
  'age<': '--filter-max-age',
  'age>': '--filter-min-age',
  'ended<': '--filter-ended-since',
  'ended>': '--filter-ended-until',
};

// The flags of 'pawl workflow' that mean what |q| does, each with its value; undefined: it has none for a part of it.
export function filterFlags(q: string): [string, string][] | undefined {
  const flags: [string, string][] = [];
  for (const { not, key, value } of parseTerms(q)) {
    const sign = key && /^[<>]/.test(value) ? value[0]! : ':';
    const isTag = key.startsWith('tag.') && sign === ':';
    const flag = key === '' || key === 'id' ? '--filter-id' : isTag ? '--filter-tag' : FLAGS[key + sign];
    if (not || !flag) return undefined;
    const plain = sign === ':' ? value : value.slice(1);
    const begin = plain.replace(/[*?[\]\\]/g, '\\$&'); // the shell's filter is a pattern
    flags.push([flag, flag === '--filter-id' ? `${begin}*` : isTag ? `${key.slice('tag.'.length)}=${plain}` : plain]);
  }
  return flags;
}
