// Other people's data: always text, never markup. JSON is laid out; control and bidirectional characters are shown as escapes, so that
// nothing reads as what it is not.

import { useState } from 'preact/hooks';
import { grouped } from '../time';
import { Copy } from './basics';

const LONG = 4000; // characters that are shown before one asks for more

export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

// Letters that a text of JSON has as escapes, as Python writes all that are not ASCII; what could deceive the eye stays one.
function readable(token: string): string {
  const letters = token.replace(/\\(?:u([\da-fA-F]{4})|.)/g, (escape, code: string | undefined) => {
    const letter = code === undefined ? '' : String.fromCharCode(parseInt(code, 16));
    return letter > '\u00a0' && visible(letter) === letter ? letter : escape;
  });
  return /\p{Surrogate}/u.test(letters) ? token : letters; // half of a pair stays an escape, too
}

// JSON laid out, each number and text as it came: a parser would make 1.5 of 1.50. Other text stays as it is.
export function pretty(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let out = '';
  let depth = 0;
  const line = (): string => `\n${'  '.repeat(depth)}`;
  tokens.forEach((token, index) => {
    const empty = /[{[]/.test(tokens[index - 1] ?? '') && (tokens[index - 1] ?? '').length === 1;
    if (token === '{' || token === '[') {
      depth++;
      out += token + (/[}\]]/.test(tokens[index + 1] ?? '') ? '' : line());
    } else if (token === '}' || token === ']') {
      depth--;
      out += (empty ? '' : line()) + token;
    } else if (token === ',') {
      out += token + line();
    } else {
      out += token === ':' ? ': ' : readable(token);
    }
  });
  return out;
}

export function Payload({ label, text }: { label: string; text: string | undefined }) {
  const [all, setAll] = useState(false);
  const [raw, setRaw] = useState(false);
  if (text === undefined) return null;
  const laidOut = raw ? text : pretty(text);
  const shown = all ? laidOut : laidOut.slice(0, LONG);
  return (
    <figure class="payload">
      <figcaption>
        {label}
        <span class="quiet"> {grouped(text.length)} characters</span>
        <button type="button" class="plain" onClick={() => setRaw(!raw)}>
          {raw ? 'lay out' : 'as it is'}
        </button>
        <Copy text={text} what={label} />
      </figcaption>
      <pre tabIndex={0}>{visible(shown)}</pre>
      {laidOut.length > LONG && !all && (
        <button type="button" onClick={() => setAll(true)}>
          show all of it
        </button>
      )}
    </figure>
  );
}
