// A workflow with a long history, as 'pawl workflow export' writes one. By itself: node long.mjs 50000 | pawl workflow import - --id long
//
// It calls ten activities of different names at a time, and goes on when all have ended. One in a thousand fails, one in five hundred is tried
// again, and in the middle it sleeps for three days.
import { pathToFileURL } from 'node:url';

const NAMES = ['reserve', 'charge', 'pack', 'label', 'weigh', 'ship', 'notify', 'invoice', 'archive', 'report'];
const DAY = 86400e3;

// An array of at least |count| events.
export function longHistory(count) {
  const events = [];
  let at = Date.parse('2026-01-05T08:00:00Z'); // milliseconds
  let id = 0;
  let slept = false;
  const add = (type, body, eventId = -1) => events.push({ eventId, timestamp: new Date(at).toISOString(), [type]: body });
  const turn = () => add('workflowStarted', {});
  turn();
  add('executionStarted', { name: 'long', input: '{"orders":5000}', workflowInstance: { instanceId: 'long', executionId: 'the-only-one' } });
  const schedule = (name, work, attempt) => {
    add('taskScheduled', { name, input: `{"order":${id}}`, taskExecutionId: work, attempt }, id);
    return id++;
  };
  while (events.length < count) {
    const open = NAMES.map((name) => {
      const work = `work-${id}`;
      return { name, work, number: schedule(name, work, 1) };
    });
    for (const { name, work, number } of open) {
      at += 3 + (number % 7);
      turn();
      const failureDetails = { errorType: 'Refused', errorMessage: `order ${number} was refused`, stackTrace: 'at ship (/app/ship.js:12:3)' };
      if (number % 500 === 250) {
        add('taskFailed', { taskScheduledId: number, failureDetails, taskExecutionId: work });
        add('timerCreated', { fireAt: new Date(at + 20).toISOString(), name: `${name}-retry`, activityRetry: { taskExecutionId: work } }, id++);
        at += 20;
        turn();
        add('timerFired', { fireAt: new Date(at).toISOString(), timerId: id - 1 });
        const again = schedule(name, work, 2);
        at += 5;
        turn();
        add('taskCompleted', { taskScheduledId: again, result: '"at last"', taskExecutionId: work });
      } else if (number % 1000 === 999) {
        add('taskFailed', { taskScheduledId: number, failureDetails, taskExecutionId: work });
      } else {
        add('taskCompleted', { taskScheduledId: number, result: `{"order":${number},"done":true}`, taskExecutionId: work });
      }
    }
    if (!slept && events.length > count / 2) {
      slept = true;
      add('timerCreated', { fireAt: new Date(at + 3 * DAY).toISOString(), name: 'until-monday', createTimer: {} }, id++);
      at += 3 * DAY;
      turn();
      add('timerFired', { fireAt: new Date(at).toISOString(), timerId: id - 1 });
    }
  }
  add('executionCompleted', { workflowStatus: 'ORCHESTRATION_STATUS_COMPLETED', result: '"all of them"' }, id);
  return events;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(JSON.stringify(longHistory(Number(process.argv[2] ?? 50000))));
