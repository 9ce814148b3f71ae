import { StackError, silentLogger } from '@polarstack/base';
import { createMemoryStore, defineWorkflow, done, newRecord, resume, runWorkflow } from '@polarstack/workflow';

/** The world outside: what steps change. A step compares before it acts, because it may be run again. */
const booked = new Set<string>();
let hotelIsFull = true;

const trip = defineWorkflow<{ readonly say: (text: string) => void }>({
  name: 'trip/1',
  steps: [
    {
      name: 'BookTrain',
      timeoutMs: 10_000,
      run: async ({ context, services }) => {
        const { town } = context;
        if (typeof town !== 'string') throw new StackError('InvalidConfig', 'where to?');
        const ticket = `train to ${town}`;
        if (!booked.has(ticket)) services.say(`booked the ${ticket}`);
        booked.add(ticket);
        return done({ ticket });
      },
      undo: async ({ context, services }) => {
        if (typeof context.ticket === 'string' && booked.delete(context.ticket)) services.say('gave the ticket back');
        return done();
      },
    },
    {
      name: 'BookHotel',
      timeoutMs: 10_000,
      retry: { limit: 3, baseMs: 10, maxMs: 50 },
      onError: { ClusterNotReady: { type: 'guide', text: 'Ask for another town, or come back later.' } },
      run: async ({ input, services }) => {
        if (hotelIsFull) throw new StackError('ClusterNotReady', 'the hotel is full');
        services.say(`booked ${Number(input.beds)} beds`);
        return done();
      },
    },
  ],
});

const store = createMemoryStore();
const say = (text: string): void => console.log(text);
const run = async (cancel?: AbortSignal) =>
  await runWorkflow({
    workflows: new Map([[trip.name, trip]]),
    id: 'summer',
    store,
    services: { say },
    logger: silentLogger,
    signal: AbortSignal.timeout(60_000),
    writer: `process ${process.pid}`,
    ...(cancel && { cancel }),
    observe: ({ type, step }) => say(`- ${type}${step ? ` ${step}` : ''}`),
  });

/** What a person does to the stored run, while nothing runs. */
const resumeIt = async (): Promise<void> => {
  const found = await store.load('summer', AbortSignal.timeout(1_000));
  if (found) store.put('summer', resume(found.record, 'failed', new Date().toISOString(), { by: 'me' }));
};

const plan = [{ name: 'BookTrain' }, { name: 'BookHotel', input: { beds: 2 } }];
store.put('summer', newRecord(trip, { town: 'Hangzhou' }, plan));
const stopped = await run();
if (stopped.type === 'interrupted') say(`stopped: ${stopped.record.reason?.message}. ${stopped.record.reason?.remedy}`);

hotelIsFull = false;
await resumeIt();
const finished = await run();
say(`ended: ${finished.type}`);

// Another run, which is cancelled: what it did is taken back.
hotelIsFull = true;
booked.clear();
store.put('summer', newRecord(trip, { town: 'Suzhou' }, plan));
await run();
await run(AbortSignal.abort(new StackError('Cancelled', 'rain')));
say(`still booked: ${booked.size}`);
