// Which workflows are there, and which of them need me?

import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { withQuery } from '../api';
import { startLine } from '../commands';
import { least } from '../counts';
import { ANY, useLive } from '../live';
import { STATUSES, type App, type Counts, type List, type Row, type Status } from '../model';
import { formatTerms, HELP, parseTerms, valueOf, withTerm } from '../query';
import { go, link, route, searching, setQuery } from '../route';
import { grouped } from '../time';
import { Badge, Command, Copy, Refusal } from '../ui/basics';
import { isTyping } from '../ui/keys';
import { StartDialog } from './actions';
import { BulkDialog } from './bulk';
import { chosen, ColumnChooser, type Column } from './columns';
import { useCounts } from './count';
import { PAGE, useRest, type Searched } from './rest';
import { useSteady } from './steady';
import { Views } from './views';

export function ListPage({ app }: { app: App | undefined }) {
  const q = route.value.query.get('q') ?? '';
  const sort = route.value.query.get('sort') ?? '-created';
  const { value, error, refresh } = useLive<List>(withQuery('instances', { q, sort, limit: PAGE }), 1000, ANY);
  const counts = useCounts(undefined, 'status,name', 2000, ANY).value.value;
  const [starting, setStarting] = useState(false);
  const [many, setMany] = useState(false);
  const [cursor, setCursor] = useState(-1);
  const columns = chosen();

  const list = value.value;
  const searched = useRest(q, sort, list);
  const steady = useSteady(`${q}\n${sort}\n${searched.pages}`, searched.rows);
  const { rows } = steady;

  const onKey = (event: KeyboardEvent): void => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (by) {
      event.preventDefault();
      setCursor(Math.min(rows.length - 1, Math.max(0, cursor + by)));
    } else if (event.key === 'Enter' && rows[cursor] && !(event.target as HTMLElement).closest('a, button, summary')) {
      go(link(['instance', rows[cursor]!.id]));
    }
  };

  return (
    <main onKeyDown={onKey}>
      <div class="page-head">
        <h1>Workflows</h1>
        <a href={link(['file'])}>history in a file …</a>
        <button
          type="button"
          disabled={(app?.readOnly ?? true) || !rows.length}
          title="suspend, resume, terminate, rerun, purge or tell all that the filter finds"
          onClick={() => setMany(true)}
        >
          All of these …
        </button>
        <button type="button" class="primary" disabled={app?.readOnly ?? true} onClick={() => setStarting(true)}>
          Start …
        </button>
      </div>
      <div class="list-tools">
        <Views />
        <ColumnChooser />
      </div>
      <Shortcuts counts={counts} q={q} />
      <FilterBar q={q} />
      <Refusal error={error.value} />
      {list && (rows.length > 0 || searched.searching || searched.more) && (
        <div class="scroll">
          <table class="instances" data-rows tabIndex={0} aria-label="Workflow instances" onPointerMove={steady.onPointerMove} onPointerLeave={steady.onPointerLeave}>
            <thead>
              <tr>
                <th>Status</th>
                <th>
                  Instance
                  {steady.waiting > 0 && <span class="waiting"> {grouped(steady.waiting)} new</span>}
                </th>
                {columns.map((column) =>
                  column.sort ? (
                    <SortHead key={column.key} label={column.label} column={column.sort} sort={sort} />
                  ) : (
                    <th key={column.key} class={column.kind}>
                      {column.label}
                    </th>
                  ),
                )}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <InstanceRow key={row.id} row={row} q={q} columns={columns} chosen={index === cursor} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {list && rows.length === 0 && !searched.searching && !searched.more && <Nothing q={q} />}
      <Progress searched={searched} counts={counts} />
      {many && (
        <BulkDialog
          q={q}
          onClose={() => {
            setMany(false);
            refresh();
          }}
        />
      )}
      {starting && (
        <StartDialog
          draft={{ name: valueOf(q, 'name') ?? '', input: '' }}
          onClose={() => setStarting(false)}
          onStarted={(id) => {
            setStarting(false);
            refresh();
            go(link(['instance', id]));
          }}
        />
      )}
    </main>
  );
}

const total = (counts: Counts | undefined): number => (counts?.groups ?? []).reduce((sum, group) => sum + group.n, 0);

// How far the search has come, where the filter fits few of many.
function Progress({ searched: { rows, looked, searching, error, more }, counts }: { searched: Searched; counts: Counts | undefined }) {
  const all = total(counts);
  return (
    <>
      <Refusal error={error} />
      <p class="quiet" role="status">
        {(searching || more) && looked > 0 && (
          <>
            {rows.length === 0 ? 'None fits' : `${grouped(rows.length)} ${rows.length === 1 ? 'fits' : 'fit'}`}; searched {grouped(looked)}
            {all > looked && ` of ${least(counts)}${grouped(all)}`} so far{searching && ' …'}
          </>
        )}
      </p>
      {more && (
        <p>
          <button type="button" onClick={more}>
            {error ? 'Go on' : 'Show more'}
          </button>
        </p>
      )}
    </>
  );
}

function Shortcuts({ counts, q }: { counts: Counts | undefined; q: string }) {
  const by = new Map<Status, number>();
  for (const group of counts?.groups ?? []) by.set(group.status, (by.get(group.status) ?? 0) + group.n);
  const current = valueOf(q, 'status');
  return (
    <nav class="shortcuts" aria-label="By status">
      <a href={link(['instances'], { q: withTerm(q, 'status') })} class={current ? '' : 'current'}>
        all <b title={least(counts)}>{grouped(total(counts))}</b>
      </a>
      {STATUSES.filter((status) => by.get(status)).map((status) => (
        <a
          key={status}
          href={link(['instances'], { q: withTerm(q, 'status', status.toLowerCase()) })}
          class={current?.toUpperCase() === status ? 'current' : ''}
        >
          <span class={`dot status-${status.toLowerCase()}`} /> {status.toLowerCase()} <b>{grouped(by.get(status)!)}</b>
        </a>
      ))}
    </nav>
  );
}

function FilterBar({ q }: { q: string }) {
  const [text, setText] = useState(q);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(q), [q]);
  useSignalEffect(() => {
    if (!searching.value) return;
    input.current?.focus();
    searching.value = false;
  });
  const terms = parseTerms(q);
  const add = (term: string): void => {
    setText([text.trim(), term].filter(Boolean).join(' '));
    input.current?.focus();
  };
  return (
    <form
      class="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({ q: text.trim() });
      }}
    >
      <input
        ref={input}
        type="search"
        aria-label="Filter"
        placeholder="the beginning of an id, or  status:failed  name:order_processor  wait:event:approval  tag.team:blue  age>1h"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <details class="terms">
        <summary>What may stand here</summary>
        <dl>
          {HELP.map(([term, what]) => (
            <div key={term}>
              <dt>
                <button type="button" class="plain" title="put it into the filter" onClick={() => add(term)}>
                  {term}
                </button>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <p class="quiet">All of them have to hold.</p>
      </details>
      {terms.length > 0 && (
        <span class="chips">
          {terms.map((term, index) => (
            <button
              type="button"
              key={index}
              class="chip"
              title="take this part out"
              onClick={() => setQuery({ q: formatTerms(terms.filter((_, at) => at !== index)) })}
            >
              {formatTerms([term])} ×
            </button>
          ))}
        </span>
      )}
    </form>
  );
}

function SortHead({ label, column, sort }: { label: string; column: string; sort: string }) {
  const down = sort === `-${column}`;
  const up = sort === column;
  return (
    <th aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <button type="button" class="plain" onClick={() => setQuery({ sort: down ? column : `-${column}` })}>
        {label} {up ? '↑' : down ? '↓' : ''}
      </button>
    </th>
  );
}

function InstanceRow({ row, q, columns, chosen }: { row: Row; q: string; columns: readonly Column[]; chosen: boolean }) {
  const element = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (chosen) element.current!.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <tr ref={element} class={chosen ? 'chosen' : ''} aria-selected={chosen}>
      <td>
        <Badge status={row.status} />
      </td>
      <td class="id">
        <a href={link(['instance', row.id])} title={row.id}>
          {row.id}
        </a>
        <Copy text={row.id} what="the id" />
      </td>
      {columns.map((column) => (
        <td key={column.key} class={column.kind}>
          {column.show(row, q)}
        </td>
      ))}
    </tr>
  );
}

function Nothing({ q }: { q: string }) {
  if (!q)
    return (
      <div class="empty">
        <p>No workflow has been started here yet. Start one from your app, or from a shell:</p>
        <Command line={startLine('', '', '{}')} />
      </div>
    );
  const terms = parseTerms(q);
  return (
    <div class="empty">
      <p>No workflow fits this filter.</p>
      <p class="actions">
        {terms.map((term, index) => (
          <button type="button" key={index} onClick={() => setQuery({ q: formatTerms(terms.filter((_, at) => at !== index)) })}>
            without {formatTerms([term])}
          </button>
        ))}
      </p>
    </div>
  );
}

