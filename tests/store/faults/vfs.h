#ifndef PAWL_TESTS_STORE_FAULTS_VFS_H
#define PAWL_TESTS_STORE_FAULTS_VFS_H

// An SQLite VFS that becomes the default one, counts what is done to databases and their journals,
// and at a given operation does what disks do. There is one for the process.
//
// What counts is a write, a truncation, a sync, a removal, or an opening; nothing is really
// synced, since |disk.h| knows what a sync stands for.

#include "disk.h"

enum fault {
    FAULT_NONE,
    FAULT_IO,    // EIO
    FAULT_FULL,  // ENOSPC, where the operation needs space
    FAULT_SHORT, // of a write only a part, then EIO or ENOSPC
    FAULT_LOST,  // a sync gives EIO, and loses what it should have written
    FAULT_KILL,  // the process ends
    FAULT_CUT,   // the power is cut
    FAULT_COUNT
};

extern const char *const fault_names[FAULT_COUNT];

// Where a fault comes: from operation |at| on (the first is 1), |length| of those that it can
// befall. After a kill or a cut all operations fail.
struct fault_plan {
    uint64_t at, length;
    enum fault fault;
    enum disk_mix mix; // of a cut, or of a sync that loses
    uint64_t seed;
    // Called by the operation that the kill or cut befalls, when the files are what is left of
    // them. It must not return: what other threads do then comes too late. NULL: faults_restart is
    // called.
    void (*on_cut)(void);
};

void faults_install(void);

// Takes all files as they are, and counts from the beginning. |random| seeds what SQLite draws; 0:
// nothing does, and draws of several processes differ.
void faults_begin(const struct fault_plan *plan, uint64_t random);

uint64_t faults_operations(void); // so far
uint64_t faults_fired(void);      // operations that the fault befell so far
bool faults_off(void);            // after a kill or a cut
void faults_heal(void);           // no more faults
void faults_turn_off(void);       // from here on all operations fail

// After a kill or a cut, with all files closed: what a new process finds. |faults_cut| cuts the
// power if it has not been.
void faults_restart(void);
void faults_cut(enum disk_mix mix, uint64_t seed);

// Cuts the power at once, while files are open; then the process must _exit.
void faults_strike(enum disk_mix mix, uint64_t seed);

// The time that SQLite is told, in seconds since 1970; 0: the true one.
void faults_set_clock(int64_t now);

#endif
