#ifndef PAWL_TESTS_STORE_FAULTS_RUN_H
#define PAWL_TESTS_STORE_FAULTS_RUN_H

// A run: a scenario of everything that a store can do, made from a seed, in which one fault comes;
// and what has to hold then, checked against a model.
//
//  * A commit that returned PAWL_OK is there, as it was written. One that failed is there wholly or
//    not at all; when the disk was full, or nothing could have been written, not at all.
//  * After a fault of the disk the store goes on: the shard is taken again, in the same process or
//    by a new one, and all later steps succeed.
//  * After a kill or a power cut the next process finds the same. What it was shown before it
//    wrote anything stays when the power is cut once more.
//  * At the end, when the power is cut and nothing unsynced is kept, everything is still there, and
//    SQLite finds the file in order.

#include "vfs.h"

struct run_scenario {
    uint64_t seed;
    size_t steps;
    size_t batch; // a batch has about as many bytes
    bool quiet;   // not even a failure is told
};

struct run_counts {
    uint64_t runs, operations, fired[FAULT_COUNT];
    uint64_t commits, failed, happened; // failed ones, and those of them that were there after all
    uint64_t checks, checkpoints;
};

// Runs in |folder|, which it empties first. False, and a line on stderr, when something does not
// hold.
bool run(const char *folder, const struct run_scenario *scenario, const struct fault_plan *plan,
         struct run_counts *counts);

#endif
