#ifndef ORDERS_H
#define ORDERS_H

#include <pawl/jansson.h>

#define STORE_NAME     "statestore"
#define APPROVAL_EVENT "manager_approval"

enum {
    APPROVAL_THRESHOLD = 50000
};

// Adds the order workflow and its activities.
enum pawl_err orders_add(struct pawl *pawl);

#endif
