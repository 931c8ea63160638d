#ifndef PAWL_RUNTIME_REPAY_H
#define PAWL_RUNTIME_REPAY_H

// Answers of workers to borrowed items, on their way to the lenders. A worker's answer is
// acknowledged when the lender's log holds it.

#include "runtime/borrowed.h"
#include "runtime/forward.h"

struct pawl_repay {
    struct pawl_borrowed_items *items;
    struct pawl_peers *peers;
    struct pawl_link answers; // struct repay_answer
    // The lender of |item| could not be told of the answer: it should give the item to others.
    void (*failed)(struct pawl_repay *repay, struct pawl_borrowed *item, const char *why);
};

void pawl__repay_init(struct pawl_repay *repay, struct pawl_borrowed_items *items,
                      struct pawl_peers *peers,
                      void (*failed)(struct pawl_repay *repay, struct pawl_borrowed *item,
                                     const char *why));

// Fails what is on its way; it may have arrived.
void pawl__repay_stop(struct pawl_repay *repay);

// Whether |call|, of a verb of results.h, answers a borrowed item. It is then carried out.
bool pawl__repay_takes(struct pawl_repay *repay, struct pawl_call *call);

#endif
