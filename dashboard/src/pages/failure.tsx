// Why something failed: its type and message, the stack with the lines of the user's own code standing out, and what caused it.

import type { Failure } from '../model';
import { Copy } from '../ui/basics';
import { visible } from '../ui/json';

// Lines of frames that lie in installed packages or in a language's own library, as Python, JavaScript, Java, .NET and Go print them.
const FOREIGN = /site-packages|dist-packages|node_modules|node:internal|\/lib\/python|\/go\/pkg\/mod\/|\/usr\/local\/go\/|\bat (java|jdk|sun|io\.dapr|com\.microsoft|System|Microsoft)\./;
const FRAME = /^\s*(at |File "|\S+\.go:\d+|goroutine )/;

export type StackLine = { text: string; own: boolean };

export function stackLines(stack: string): StackLine[] {
  let own = false;
  return stack.split('\n').map((text) => {
    // A line that is no frame belongs to the one above it: the code that Python shows below the place.
    if (FRAME.test(text)) own = !FOREIGN.test(text);
    return { text, own: FRAME.test(text) ? own : own && /^\s/.test(text) };
  });
}

export function Stack({ text }: { text: string }) {
  return (
    <figure class="payload stack">
      <figcaption>
        Stack trace <Copy text={text} what="the stack trace" />
      </figcaption>
      <pre tabIndex={0}>
        {stackLines(visible(text)).map((line, index) => (
          <span key={index} class={line.own ? 'own' : 'foreign'}>
            {line.text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  );
}

export function FailureView({ failure }: { failure: Failure }) {
  return (
    <div class="failure">
      <h2>
        {visible(failure.type)}: <span>{visible(failure.message)}</span>
      </h2>
      {failure.stack && (
        <details open>
          <summary>where</summary>
          <Stack text={failure.stack} />
        </details>
      )}
      {failure.cause && (
        <div class="cause">
          caused by <FailureView failure={failure.cause} />
        </div>
      )}
    </div>
  );
}
