#ifndef PAWL_API_NUMBERS_H
#define PAWL_API_NUMBERS_H

// What a daemon's parts have counted, added up at one moment.

#include "runtime/neighbours.h"
#include "runtime/node.h"

// By kind of work: turns and activities.
struct pawl_work_numbers {
    double ready;     // to be given out, as soon as a worker has room
    double waiting;   // for one of the workers that have it to have room
    double parked;    // no worker has it
    double in_flight; // with workers
    double oldest;    // seconds for which the oldest of the first three has been due
    double given, lost;
    double outstanding; // the first four
    double due;         // the first three
};

struct pawl_numbers {
    struct pawl_work_numbers turns, activities;
    double held;     // turns of workflows that cannot go on
    double lent;     // turns and activities that are with workers of other daemons
    double replayed; // turns that were given with the whole history
    double workers, workers_paused, workers_elsewhere;
    double ready; // 1: it serves
    double shards, shards_served, lease_takes, lease_losses, shard_failures;
    double instances, asleep, resting_bytes;     // instances: in memory
    double calls_waiting;                        // for an instance to change
    double batches, records, bytes;              // of the log
    double lag_batches, lag_bytes, snapshot_lag; // seconds
    double letters, received, dropped;           // messages
    double stalls;
};

// Workers at all loops of this daemon, and at other daemons, as the loop of |node| knows. |loops|
// NULL: there is but this one.
size_t pawl__workers_here(const struct pawl_node *node, const struct pawl_neighbours *loops);
size_t pawl__workers_elsewhere(const struct pawl_node *node, const struct pawl_neighbours *loops);

void pawl__numbers_read(struct pawl_numbers *out, const struct pawl_node *node);

// Of this process.
struct pawl_process_numbers {
    double cpu, started, resident, virtual, open_files, max_files; // seconds, bytes
};

void pawl__process_numbers_read(struct pawl_process_numbers *out);

#endif
