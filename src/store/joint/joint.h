#ifndef PAWL_STORE_JOINT_JOINT_H
#define PAWL_STORE_JOINT_JOINT_H

// One store for several loops of a process. Each loop has a seat, which is a store with a writing
// and a reading thread of its own, as store.h says; the store behind it is called by one of each at
// a time.
//
//   loop 0 ── storage ── seat 0 ─┐
//   loop 1 ── storage ── seat 1 ─┼──► one commit ──► the store
//   loop 2 ── storage ── seat 2 ─┘
//
// Commits that come while another one runs wait, and then become one: the first of the threads that
// wait makes it, with the parts and transactions of all, and tells the others. So a disk that syncs
// a thousand times a second serves any number of loops, each of which has the outcome of its own
// commit: a commit that was not done, or of which nothing is known, is so for all that were in it;
// each part and transaction has a result of its own anyhow.
//
// A thread that finds another one writing has to wait for it. So seats say |may_block|, and loops
// leave their calls to threads.

#include "store/store.h"

// Makes |seats|, of which there are |count|, of |store|, which is closed with the last of them, and
// in any case after an error: PAWL_E_NOMEM.
enum pawl_err pawl__joint_open(struct pawl_store *store, struct pawl_store **seats, size_t count,
                               struct pawl_error *error);

// Commits of the store behind |seat| that were done. On any thread.
uint64_t pawl__joint_commits(const struct pawl_store *seat);

// Threads that wait for another one to have written. On any thread.
size_t pawl__joint_waiting(const struct pawl_store *seat);

#endif
