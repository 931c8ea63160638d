// Small pieces that every page uses.

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import type { ApiError } from '../api';
import type { Status } from '../model';
import { ago, clock, exactClock, utc } from '../time';

export function Badge({ status }: { status: Status }) {
  return <span class={`badge status-${status.toLowerCase()}`}>{status.toLowerCase()}</span>;
}

export function Time({ at, relative = false, exact = false }: { at: number | undefined; relative?: boolean; exact?: boolean }) {
  if (!at) return <span class="quiet">–</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={utc(at)}>
      {relative ? ago(at) : exact ? exactClock(at) : clock(at)}
    </time>
  );
}

// Browsers lend the clipboard to pages of this machine and of TLS; elsewhere only what is selected can be copied, and in a dialog only what is
// within it.
async function copyText(text: string, button: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement('textarea'), { value: text, className: 'sr-only' });
    button.after(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    button.focus();
    return done;
  }
}

// Two sheets; a tick once it is copied.
const CopyIcon = ({ done }: { done: boolean }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    {done ? <path d="M3 8.5l3.5 3.5L13 4.5" /> : <path d="M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1" />}
  </svg>
);

export function Copy({ text, what, label }: { text: string; what: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      class="copy"
      aria-label={copied ? `${what}: copied` : `copy ${what}`}
      title={copied ? 'copied' : `copy ${what}`}
      onClick={async (event) => {
        event.stopPropagation();
        if (!(await copyText(text, event.currentTarget))) {
          toast('This browser does not let a page copy here.', true);
          return;
        }
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
      }}
    >
      {label !== undefined ? (copied ? 'copied' : label) : <CopyIcon done={copied} />}
    </button>
  );
}

// What the daemon refused, beside what was asked. That it is gone is told once, on top of the page.
export function Refusal({ error }: { error: ApiError | undefined }) {
  if (!error || error.trouble === 'gone') return null;
  return (
    <p class="refusal" role="alert">
      {error.message}
    </p>
  );
}

// A shell line that does the same, to copy.
export function Command({ line }: { line: string }) {
  return (
    <p class="command">
      <code>{line}</code>
      <Copy text={line} what="the command" />
    </p>
  );
}

// --- toasts: what happened to what was asked ------------------------------------------------------

const toasts = signal<{ key: number; text: string; bad: boolean }[]>([]);
let lastToast = 0;

export function toast(text: string, bad = false): void {
  const key = ++lastToast;
  toasts.value = [...toasts.value, { key, text, bad }];
  setTimeout(() => (toasts.value = toasts.value.filter((one) => one.key !== key)), bad ? 12000 : 4000);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <p key={one.key} class={one.bad ? 'bad' : ''}>
          {one.text}
        </p>
      ))}
    </div>
  );
}

// --- dialogs --------------------------------------------------------------------------------------

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Whoever opened it has the focus again afterwards, however it is closed.
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const element = dialog.current!;
    element.showModal();
    return () => {
      element.close();
      before?.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="plain" aria-label="close" onClick={() => dialog.current!.close()}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}
