// Small charts over time, as SVG: lines, or areas upon each other. Whoever cannot see them is told the newest values in words.

import { useState } from 'preact/hooks';
import { clock } from '../time';

export interface Series {
  name: string;
  tone: string; // a class of the theme, for its colour
  values: readonly (number | undefined)[]; // undefined: nothing is known
}

interface Props {
  title: string;
  step: number; // milliseconds between two times
  times: readonly number[];
  series: readonly Series[];
  stacked?: boolean;
  format: (value: number) => string;
}

const WIDTH = 600;
const HEIGHT = 110;
const LEAST = 60; // steps that the width stands for, so that what has just begun does not look like an hour

// The least round number that is not below |value|.
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * (1 - 1e-9))!;
}

const FAR = 6; // steps without a value that a line still goes over

// Steps that are drawn together: more than |gap| without a value begin others.
export function runs(values: readonly (number | undefined)[], gap = 0): number[][] {
  const out: number[][] = [];
  let last = -Infinity;
  values.forEach((value, at) => {
    if (value === undefined) return;
    if (at - last > gap + 1) out.push([]);
    out[out.length - 1]!.push(at);
    last = at;
  });
  return out;
}

export function Chart({ title, step: between, times: known, series: given, stacked = false, format }: Props) {
  const missing = Math.max(0, LEAST - known.length);
  const times = [...Array.from({ length: known.length ? missing : 0 }, (_, at) => known[0]! - (missing - at) * between), ...known];
  const series = given.map((one) => ({ ...one, values: [...new Array<undefined>(times.length - known.length).fill(undefined), ...one.values] }));
  const [at, setAt] = useState<number | undefined>(undefined);
  const sums = series.map((_, index) =>
    times.map((_, step) => {
      const values = (stacked ? series.slice(0, index + 1) : [series[index]!]).map((one) => one.values[step]);
      return values.some((value) => value === undefined) ? undefined : values.reduce((sum, value) => sum! + value!, 0);
    }),
  );
  const top = roundUp(Math.max(0, ...sums.flat().map((value) => value ?? 0)));
  const isEmpty = sums.every((one) => one.every((value) => !value));
  const x = (step: number): number => (times.length < 2 ? WIDTH / 2 : (step / (times.length - 1)) * WIDTH);
  const y = (value: number): number => HEIGHT - (value / top) * HEIGHT;
  const shown = at ?? times.length - 1;
  const told = series.map((one) => ({ ...one, value: one.values[shown] }));
  const line = (index: number, run: number[]): string => run.map((step) => `${x(step).toFixed(1)},${y(sums[index]![step]!).toFixed(1)}`).join(' ');
  const area = (index: number, run: number[]): string => {
    const below = [...run].reverse().map((step) => `${x(step).toFixed(1)},${y(index ? sums[index - 1]![step]! : 0).toFixed(1)}`);
    return `${line(index, run)} ${below.join(' ')}`;
  };
  return (
    <figure class="chart">
      <figcaption>
        <b>{title}</b>
        <span class="quiet">{at !== undefined ? clock(times[at]!) : isEmpty ? 'nothing yet' : `up to ${format(top).replace(/\.0+ /, ' ')}`}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${told.map((one) => `${one.name} ${one.value === undefined ? 'not known' : format(one.value)}`).join(', ')}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const step = Math.round(((event.clientX - box.left) / box.width) * (times.length - 1));
          setAt(Math.max(0, Math.min(times.length - 1, step)));
        }}
        onPointerLeave={() => setAt(undefined)}
      >
        {series.map((one, index) =>
          runs(sums[index]!, stacked ? 0 : FAR).map((run) =>
            stacked && run.length > 1 ? (
              <polygon key={`${one.name} ${run[0]}`} class={`area ${one.tone}`} points={area(index, run)} />
            ) : run.length > 1 ? (
              <polyline key={`${one.name} ${run[0]}`} class={`line ${one.tone}`} points={line(index, run)} />
            ) : (
              <line key={`${one.name} ${run[0]}`} class={`line ${one.tone}`} x1={x(run[0]!) - 4} x2={x(run[0]!)} y1={y(sums[index]![run[0]!]!)} y2={y(sums[index]![run[0]!]!)} />
            ),
          ),
        )}
        {at !== undefined && <line class="here" x1={x(at)} x2={x(at)} y1="0" y2={HEIGHT} />}
      </svg>
      <p class="ends" aria-hidden="true">
        <span>{times.length ? clock(times[0]!) : ''}</span>
        <span>now</span>
      </p>
      <p class="legend">
        {told.map((one) => (
          <span key={one.name}>
            <i class={one.tone} /> {one.name} <b>{one.value === undefined ? '–' : format(one.value)}</b>
          </span>
        ))}
      </p>
    </figure>
  );
}
