import { Dialog } from '../ui/basics';

const KEYS: readonly [string, string][] = [
  ['/', 'search workflows'],
  ['g o', 'overview'],
  ['g a', 'all apps, where pawl dashboard shows them'],
  ['g l', 'list of workflows'],
  ['g w', 'workers'],
  ['g s', 'store and daemons'],
  ['g e', 'log of the app'],
  ['g f', 'history in a file'],
  ['j  k', 'next and previous row of a list, a timeline or a history; the arrows do the same'],
  ['Enter', 'open the row; on a timeline the child'],
  ['f  b', 'next and previous failure, on a timeline'],
  ['+  −  0', 'zoom a timeline in, out, and back to the whole'],
  ['Home  End', 'first and last event of a history'],
  ['Esc', 'close a dialog; choose nothing on a timeline'],
  ['t', 'light, dark, or as the system'],
  ['?', 'this help'],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">Built with Preact and @preact/signals (MIT licence).</p>
    </Dialog>
  );
}
