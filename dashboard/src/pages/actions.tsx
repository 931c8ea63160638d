// What one can do to a workflow. Each asks before it does something that cannot be taken back, and shows the shell line that does the same.

import { useState } from 'preact/hooks';
import { ApiError, path, post } from '../api';
import { rerunLine, startLine, verbLine, type Said, type Verb } from '../commands';
import { ENDED, type HistoryEvent, type Instance, type Status } from '../model';
import { go, link } from '../route';
import { Command, Dialog, Refusal, toast } from '../ui/basics';

export interface VerbRow {
  verb: Verb;
  label: string;
  done: string;
  asks: string; // what the dialog says
  fits: (one: { status: Status }) => boolean;
  destroys: boolean;
}

export const VERBS: readonly VerbRow[] = [
  {
    verb: 'raise',
    label: 'Raise event',
    done: 'event raised',
    asks: 'The workflow gets the event, now or when it waits for it.',
    fits: (one) => !ENDED.has(one.status),
    destroys: false,
  },
  {
    verb: 'suspend',
    label: 'Suspend',
    done: 'told to suspend',
    asks: 'No more of its code runs until it is resumed. Activities that run go on.',
    fits: (one) => !ENDED.has(one.status) && one.status !== 'SUSPENDED',
    destroys: false,
  },
  {
    verb: 'resume',
    label: 'Resume',
    done: 'told to resume',
    asks: 'It goes on where it stood.',
    fits: (one) => one.status === 'SUSPENDED',
    destroys: false,
  },
  {
    verb: 'terminate',
    label: 'Terminate',
    done: 'told to terminate',
    asks: 'It ends now, with its children, and cannot go on. Activities that run are not interrupted; their results are dropped.',
    fits: (one) => !ENDED.has(one.status),
    destroys: true,
  },
  {
    verb: 'rerun',
    label: 'Rerun',
    done: 'run again',
    asks: 'A new workflow takes over what was done before the step that failed last, does that step again, and goes on with the code of today. When no step failed, it begins anew. This one stays as it is.',
    fits: (one) => ENDED.has(one.status),
    destroys: false,
  },
  {
    verb: 'purge',
    label: 'Purge',
    done: 'purged',
    asks: 'Its history and that of its children are removed for good.',
    fits: (one) => ENDED.has(one.status),
    destroys: true,
  },
];

export function bodyOf(verb: Verb, { event, data, reason, id }: Said): unknown {
  if (verb === 'raise') return { event, data };
  if (verb === 'rerun') return id ? { id } : {};
  return reason ? { reason } : {};
}

interface SaidProps {
  verb: Verb;
  said: Said;
  awaited?: string[];
  many?: boolean;
  onChange: (said: Said) => void;
}

export function SaidFields({ verb, said, awaited = [], many = false, onChange }: SaidProps) {
  if (verb === 'purge') return null;
  if (verb === 'rerun')
    return (
      <label>
        {many ? 'Their ids: the old one, and' : 'Instance id (a new one, when empty)'}
        <input value={said.id} autofocus={!many} required={many} onInput={(typed) => onChange({ ...said, id: typed.currentTarget.value })} />
      </label>
    );
  if (verb !== 'raise')
    return (
      <label>
        Reason (may be empty)
        <input value={said.reason} autofocus={!many} onInput={(typed) => onChange({ ...said, reason: typed.currentTarget.value })} />
      </label>
    );
  return (
    <>
      <label>
        Event
        <input list="awaited" required autofocus={!many} value={said.event} onInput={(typed) => onChange({ ...said, event: typed.currentTarget.value })} />
      </label>
      <datalist id="awaited">
        {awaited.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <label>
        Data (JSON; may be empty)
        <textarea rows={4} value={said.data} onInput={(typed) => onChange({ ...said, data: typed.currentTarget.value })} />
      </label>
    </>
  );
}

const whyNot = ({ verb }: VerbRow, { parent }: Instance): string | undefined =>
  verb === 'rerun' && parent ? 'a child cannot be run again by itself; its parent can' : undefined;

export function ActionButtons({ instance, readOnly, onDone }: { instance: Instance; readOnly: boolean; onDone: (verb: Verb) => void }) {
  const [chosen, setChosen] = useState<VerbRow | undefined>(undefined);
  return (
    <>
      {VERBS.filter((row) => row.fits(instance)).map((row) => (
        <button
          type="button"
          key={row.verb}
          class={row.destroys ? 'danger' : ''}
          disabled={readOnly || whyNot(row, instance) !== undefined}
          title={readOnly ? 'this dashboard only reads' : (whyNot(row, instance) ?? row.asks)}
          onClick={() => setChosen(row)}
        >
          {row.label}
        </button>
      ))}
      {chosen && (
        <ActionDialog
          row={chosen}
          instance={instance}
          onClose={() => setChosen(undefined)}
          onDone={() => {
            setChosen(undefined);
            onDone(chosen.verb);
          }}
        />
      )}
    </>
  );
}

function ActionDialog({ row, instance, onClose, onDone }: { row: VerbRow; instance: Instance; onClose: () => void; onDone: () => void }) {
  const awaited = instance.waits.filter((wait) => wait.kind === 'event').map((wait) => wait.name);
  const [said, setSaid] = useState<Said>({ event: awaited[0] ?? '', data: '', reason: '', id: '' });
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [busy, setBusy] = useState(false);

  const submit = async (submitted: Event): Promise<void> => {
    submitted.preventDefault();
    setBusy(true);
    try {
      const answer = await post<{ id: string }>(path('instances', instance.id, row.verb), bodyOf(row.verb, said));
      toast(row.verb === 'rerun' ? `${answer.id}: started` : `${instance.id}: ${row.done}`);
      if (row.verb === 'rerun') go(link(['instance', answer.id]));
      onDone();
    } catch (caught) {
      setError(caught as ApiError);
      setBusy(false);
    }
  };

  return (
    <Dialog title={`${row.label}: ${instance.id}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{row.asks}</p>
        <SaidFields verb={row.verb} said={said} awaited={awaited} onChange={setSaid} />
        <Refusal error={error} />
        <Command line={verbLine(row.verb, instance.id, said)} />
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={row.destroys ? 'danger' : 'primary'} disabled={busy}>
            {row.label}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export interface Draft {
  name: string;
  input: string;
}

export function StartDialog({ draft, onClose, onStarted }: { draft: Draft; onClose: () => void; onStarted: (id: string) => void }) {
  const [name, setName] = useState(draft.name);
  const [id, setId] = useState('');
  const [input, setInput] = useState(draft.input);
  const [error, setError] = useState<ApiError | undefined>(undefined);

  const submit = async (submitted: Event): Promise<void> => {
    submitted.preventDefault();
    try {
      const started = await post<{ id: string }>('instances', { name, ...(id && { id }), ...(input && { input }) });
      toast(`${started.id}: started`);
      onStarted(started.id);
    } catch (caught) {
      setError(caught as ApiError);
    }
  };

  return (
    <Dialog title="Start a workflow" onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          Name
          <input required autofocus value={name} onInput={(typed) => setName(typed.currentTarget.value)} />
        </label>
        <label>
          Instance id (a new one, when empty)
          <input value={id} onInput={(typed) => setId(typed.currentTarget.value)} />
        </label>
        <label>
          Input (JSON; may be empty)
          <textarea rows={6} value={input} onInput={(typed) => setInput(typed.currentTarget.value)} />
        </label>
        <Refusal error={error} />
        <Command line={startLine(name, id, input)} />
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Start
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface RerunProps {
  id: string;
  event: HistoryEvent;
  kept?: string[] | undefined; // names of what is taken over, and of what is done again
  again?: string[] | undefined;
  onClose: () => void;
  onStarted: (id: string) => void;
}

export function RerunDialog({ id, event, kept, again, onClose, onStarted }: RerunProps) {
  const [fresh, setFresh] = useState('');
  const [input, setInput] = useState('');
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const takesInput = !/timer/i.test(event.type);

  const submit = async (submitted: Event): Promise<void> => {
    submitted.preventDefault();
    try {
      const started = await post<{ id: string }>(path('instances', id, 'rerun'), { event: event.id, ...(fresh && { id: fresh }), ...(input && { input }) });
      toast(`${started.id}: started`);
      onStarted(started.id);
    } catch (caught) {
      setError(caught as ApiError);
    }
  };

  return (
    <Dialog title={`Rerun ${id} from event ${event.id}`} onClose={onClose}>
      <form onSubmit={submit}>
        <p>A new workflow takes over what was done before {event.name ? `“${event.name}”` : 'this event'}, does it again, and goes on from there. This one stays as it is.</p>
        {kept && (
          <p>
            Taken over: {kept.length ? kept.join(', ') : 'nothing'}. Done again: {(again ?? []).join(', ')}, and what follows.
          </p>
        )}
        <label>
          Instance id (a new one, when empty)
          <input autofocus value={fresh} onInput={(typed) => setFresh(typed.currentTarget.value)} />
        </label>
        {takesInput && (
          <label>
            Another input (JSON; the same, when empty)
            <textarea rows={4} value={input} onInput={(typed) => setInput(typed.currentTarget.value)} />
          </label>
        )}
        <Refusal error={error} />
        <Command line={rerunLine(id, event.id, fresh, takesInput ? input : '')} />
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Rerun
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
