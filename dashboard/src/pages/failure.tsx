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

// The frame that one wants to see: the innermost of one's own code. Python prints it last, the others first.
export function ownFrame(stack: string): string | undefined {
  const frames = stackLines(stack).filter((line) => line.own && FRAME.test(line.text) && !/^\s*goroutine/.test(line.text));
  return frames[/^\s*File "/.test(frames[0]?.text ?? '') ? frames.length - 1 : 0]?.text.trim();
}

export function Stack({ text }: { text: string }) {
  return (
    <figure class="payload stack">
      <figcaption>
        <Copy text={text} what="the stack trace" />
      </figcaption>
      <pre tabIndex={0}>
        {stackLines(visible(text.trimEnd())).map((line, index) => (
          <span key={index} class={line.own ? 'own' : 'foreign'}>
            {line.text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  );
}

// Whether |told| has all there is to say.
const isAllTold = (failure: Failure, told: string | undefined): boolean =>
  told !== undefined && told.includes(failure.message) && told.includes(failure.type) && !failure.stack && (!failure.cause || isAllTold(failure.cause, told));

// |told|: what stands above it already; then the stack is for those who open it.
export function FailureView({ failure, told }: { failure: Failure; told?: string }) {
  if (isAllTold(failure, told)) return null;
  const isTold = told !== undefined && told.includes(failure.message);
  return (
    <div class="failure">
      {!isTold && (
        <h2>
          {visible(failure.type)}: <span>{visible(failure.message)}</span>
        </h2>
      )}
      {failure.stack && (
        <details open={told === undefined}>
          <summary>
            Stack trace <code class="quiet">{visible(ownFrame(failure.stack) ?? '')}</code>
          </summary>
          <Stack text={failure.stack} />
        </details>
      )}
      {failure.cause && !isAllTold(failure.cause, told) && (
        <div class="cause">
          caused by <FailureView failure={failure.cause} />
        </div>
      )}
    </div>
  );
}
