// The order-processor buys ten cars: it starts the order workflow, approves it, and waits for its
// end.
//
//     order-processor              a worker of the sidecar that the environment names
//     order-processor orders.db    all in this process, with the workflows in this file
//
// ORDER_ID names the order; a program that is started again with it waits for the order that it
// began. RESTOCK=no leaves the stock as it is.

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "orders.h"

enum {
    APPROVE_AFTER = 2, // seconds
    GIVE_UP_AFTER = 60
};

static const struct {
    const char *name;
    int cost, quantity;
} inventory[] = {{"paperclip", 5, 100}, {"cars", 15000, 100}, {"computers", 500, 100}};

// Whether to call again, as the sidecar is away and may come back.
static bool try_again(enum pawl_err err, time_t since) {
    if (err != PAWL_E_UNAVAILABLE || time(NULL) - since > GIVE_UP_AFTER) return false;
    usleep(100000);
    return true;
}

// What is known of the order; NULL in |*out| when there is none.
static enum pawl_err look(struct pawl *pawl, const char *id, struct pawl_info **out) {
    enum pawl_err err;
    time_t began = time(NULL);
    *out = NULL;
    do err = pawl_get(pawl, id, out);
    while (try_again(err, began));
    return err == PAWL_E_NOT_FOUND ? PAWL_OK : err;
}

static enum pawl_err restock(struct pawl *pawl) {
    for (size_t i = 0; i < sizeof inventory / sizeof *inventory; i++) {
        char value[128];
        snprintf(value, sizeof value, "{\"item_name\":\"%s\",\"per_item_cost\":%d,\"quantity\":%d}",
                 inventory[i].name, inventory[i].cost, inventory[i].quantity);
        enum pawl_err err;
        time_t began = time(NULL);
        do err = pawl_save_state(pawl, STORE_NAME, inventory[i].name, pawl_text(value), NULL);
        while (try_again(err, began));
        PAWL_TRY(err);
    }
    return PAWL_OK;
}

static enum pawl_err start(struct pawl *pawl, const char *id, int quantity, int cost) {
    char input[128];
    snprintf(input, sizeof input, "{\"item_name\":\"cars\",\"quantity\":%d,\"total_cost\":%d}",
             quantity, cost);
    struct pawl_start_options options = {.id = id};
    enum pawl_err err;
    time_t began = time(NULL);
    do err = pawl_start(pawl, "order_processing_workflow", pawl_text(input), &options, NULL);
    while (try_again(err, began));
    return err == PAWL_E_EXISTS ? PAWL_OK : err; // a try that seemed to fail had not
}

// Approves the order after a while, and waits until it has ended.
static enum pawl_err see_to_the_end(struct pawl *pawl, const char *id, int cost,
                                    enum pawl_status *status) {
    time_t began = time(NULL);
    bool approved = cost <= APPROVAL_THRESHOLD;
    do {
        struct pawl_info *info;
        PAWL_TRY(look(pawl, id, &info));
        *status = info->status;
        pawl_info_free(info);
        if (!approved && time(NULL) - began >= APPROVE_AFTER)
            approved = !pawl_raise(pawl, id, APPROVAL_EVENT, pawl_text("{\"approval\":true}"));
        usleep(100000);
    } while (*status != PAWL_COMPLETED && *status != PAWL_FAILED && *status != PAWL_TERMINATED);
    return PAWL_OK;
}

// The order that the environment names, or a new one.
static const char *order_id(char fresh[37]) {
    const char *id = getenv("ORDER_ID");
    if (id && *id) return id;
    FILE *uuid = fopen("/proc/sys/kernel/random/uuid", "r");
    if (!uuid || !fgets(fresh, 37, uuid)) snprintf(fresh, 37, "order-%lld", (long long)time(NULL));
    if (uuid) fclose(uuid);
    return fresh;
}

static enum pawl_err buy_cars(struct pawl *pawl, enum pawl_status *status) {
    char fresh[37];
    const char *id = order_id(fresh), *stock = getenv("RESTOCK");
    int quantity = 10, cost = quantity * inventory[1].cost;
    PAWL_TRY(orders_add(pawl));
    PAWL_TRY(pawl_work(pawl));

    puts("==========Begin the purchase of item:==========");
    struct pawl_info *known;
    PAWL_TRY(look(pawl, id, &known));
    if (!known) {
        if (!stock || strcmp(stock, "no") != 0) PAWL_TRY(restock(pawl));
        printf("Starting order workflow, purchasing %d of cars\n", quantity);
        PAWL_TRY(start(pawl, id, quantity, cost));
    }
    pawl_info_free(known);
    return see_to_the_end(pawl, id, cost, status);
}

int main(int argc, char **argv) {
    struct pawl *pawl;
    enum pawl_status status = PAWL_FAILED;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pawl_open(argc > 1 ? argv[1] : NULL, NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    if (buy_cars(pawl, &status)) return pawl_perror("order-processor"), 1;
    const char *result = status == PAWL_COMPLETED ? "Completed" : pawl_status_text(status);
    printf("Workflow completed! Result: %s\n", result);
    printf("Purchase of item is  %s\n", result);
    return pawl_close(pawl) || status != PAWL_COMPLETED;
}
