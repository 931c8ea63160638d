#include <stdarg.h>
#include <stdio.h>

#include "orders.h"

// What reads or writes the stock may find the sidecar away.
static const struct pawl_retry patience = {.max_attempts = 5, .first_interval = PAWL_SECOND};
static const struct pawl_call_options patiently = {.retry = &patience};

static enum pawl_err notify(struct pawl_workflow *wf, const char *format, ...) {
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return pawl_call(wf, "notify_activity", pawl_quote(wf, message), NULL, NULL);
}

static enum pawl_err end(struct pawl_workflow *wf, bool processed) {
    return pawl_return(wf, pawl_pack(wf, "{s:b}", "processed", processed));
}

// Waits for the manager; |approved| is false when he rejects the order or does not answer in time.
static enum pawl_err approve(struct pawl_workflow *wf, struct pawl_text request, bool *approved) {
    int answer;
    PAWL_TRY(pawl_call(wf, "request_approval_activity", request, NULL, NULL));
    struct pawl_task *approval = pawl_wait_for_event(wf, APPROVAL_EVENT, 200 * PAWL_SECOND);
    enum pawl_err err = pawl_await(approval);
    *approved = false;
    if (err == PAWL_E_DEADLINE)
        return notify(wf, "Payment for order %s has been cancelled due to timeout!", pawl_id(wf));
    if (err) return err;
    PAWL_TRY(pawl_unpack(wf, pawl_result(approval), "{s:b}", "approval", &answer));
    *approved = answer;
    return notify(wf, "Payment for order %s has been %s!", pawl_id(wf),
                  *approved ? "approved" : "rejected");
}

// Verifies the stock, asks for approval of dear orders, takes the payment and updates the stock.
static enum pawl_err order_processing_workflow(struct pawl_workflow *wf) {
    const char *id = pawl_id(wf), *item;
    int quantity, cost;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "{s:s, s:i, s:i}", "item_name", &item, "quantity",
                         &quantity, "total_cost", &cost));
    struct pawl_text request = pawl_pack(wf, "{s:s, s:s, s:i, s:i}", "order_id", id, "item_name",
                                         item, "quantity", quantity, "amount", cost);

    PAWL_TRY(notify(wf, "Received order %s for %d %s at $%d !", id, quantity, item, cost));
    struct pawl_text answer;
    int in_stock;
    PAWL_TRY(pawl_call(wf, "verify_inventory_activity", request, &patiently, &answer));
    PAWL_TRY(pawl_unpack(wf, answer, "b", &in_stock));
    if (!in_stock) {
        PAWL_TRY(notify(wf, "Insufficient inventory for %s!", item));
        return end(wf, false);
    }

    if (cost > APPROVAL_THRESHOLD) {
        bool approved;
        PAWL_TRY(approve(wf, request, &approved));
        if (!approved) return end(wf, false);
    }

    PAWL_TRY(pawl_call(wf, "process_payment_activity", request, NULL, NULL));
    if (pawl_call(wf, "update_inventory_activity", request, &patiently, NULL) == PAWL_E_FAILED) {
        PAWL_TRY(notify(wf, "Order %s Failed!", id));
        return end(wf, false);
    }
    PAWL_TRY(notify(wf, "Order %s has completed!", id));
    return end(wf, true);
}

// --- activities ---------------------------------------------------------------------------------

struct request {
    const char *order_id, *item_name;
    int quantity, amount;
};

static enum pawl_err read_request(struct pawl_activity *activity, struct request *out) {
    return pawl_activity_unpack(activity, "{s:s, s:s, s:i, s:i}", "order_id", &out->order_id,
                                "item_name", &out->item_name, "quantity", &out->quantity, "amount",
                                &out->amount);
}

static enum pawl_err notify_activity(struct pawl_activity *activity) {
    const char *message;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &message));
    printf("INFO:NotifyActivity:%s\n", message);
    return PAWL_OK;
}

// The stock of an item, to be released by json_decref.
static enum pawl_err read_stock(struct pawl_activity *activity, const char *item, json_t **stock,
                                char etag[64]) {
    char *value;
    PAWL_TRY(pawl_get_state(activity->pawl, STORE_NAME, item, &value, NULL, etag));
    *stock = value ? json_loads(value, 0, NULL) : NULL;
    free(value);
    return *stock ? PAWL_OK : pawl_activity_fail(activity, "NoStock", "there is no item %s", item);
}

static enum pawl_err verify_inventory_activity(struct pawl_activity *activity) {
    struct request request;
    json_t *stock;
    char etag[64];
    PAWL_TRY(read_request(activity, &request));
    printf("INFO:VerifyInventoryActivity:Verifying inventory for order %s of %d %s\n",
           request.order_id, request.quantity, request.item_name);
    PAWL_TRY(read_stock(activity, request.item_name, &stock, etag));
    int quantity = (int)json_integer_value(json_object_get(stock, "quantity"));
    json_decref(stock);
    printf("INFO:VerifyInventoryActivity:There are %d %s available for purchase\n", quantity,
           request.item_name);
    return pawl_activity_pack(activity, "b", quantity >= request.quantity);
}

static enum pawl_err request_approval_activity(struct pawl_activity *activity) {
    struct request request;
    PAWL_TRY(read_request(activity, &request));
    printf("INFO:RequestApprovalActivity:Requesting approval for payment of %d USD for %d %s\n",
           request.amount, request.quantity, request.item_name);
    return PAWL_OK;
}

static enum pawl_err process_payment_activity(struct pawl_activity *activity) {
    struct request request;
    PAWL_TRY(read_request(activity, &request));
    printf("INFO:ProcessPaymentActivity:Processing payment: %s for %d %s at %d USD\n",
           request.order_id, request.quantity, request.item_name, request.amount);
    printf("INFO:ProcessPaymentActivity:Payment for request ID %s processed successfully\n",
           request.order_id);
    return PAWL_OK;
}

// Takes the order's items from the stock. An activity runs again when its worker dies before it
// could answer, so the stock remembers the order that changed it last, and the ETag keeps two
// orders from overwriting each other.
static enum pawl_err take_from_stock(struct pawl_activity *activity, const struct request *request,
                                     json_t *stock, const char *etag) {
    const char *last = json_string_value(json_object_get(stock, "last_order"));
    json_int_t quantity = json_integer_value(json_object_get(stock, "quantity"));
    if (!last || strcmp(last, request->order_id) != 0) {
        if (quantity < request->quantity)
            return pawl_activity_fail(activity, "NoStock", "the stock is too low by now");
        quantity -= request->quantity;
        json_object_set_new(stock, "quantity", json_integer(quantity));
        json_object_set_new(stock, "last_order", json_string(request->order_id));
        char *value = json_dumps(stock, JSON_COMPACT);
        enum pawl_err err =
            pawl_save_state(activity->pawl, STORE_NAME, request->item_name, pawl_text(value), etag);
        free(value);
        if (err) return err;
    }
    printf("INFO:UpdateInventoryActivity:There are now %d %s left in stock\n", (int)quantity,
           request->item_name);
    return PAWL_OK;
}

static enum pawl_err update_inventory_activity(struct pawl_activity *activity) {
    struct request request;
    json_t *stock;
    char etag[64];
    PAWL_TRY(read_request(activity, &request));
    printf("INFO:UpdateInventoryActivity:Checking inventory for order %s for %d %s\n",
           request.order_id, request.quantity, request.item_name);
    PAWL_TRY(read_stock(activity, request.item_name, &stock, etag));
    enum pawl_err err = take_from_stock(activity, &request, stock, etag);
    json_decref(stock);
    return err;
}

enum pawl_err orders_add(struct pawl *pawl) {
    PAWL_TRY(pawl_add_workflow(pawl, "order_processing_workflow", order_processing_workflow, NULL));
    PAWL_TRY(pawl_add_activity(pawl, "notify_activity", notify_activity, NULL));
    PAWL_TRY(pawl_add_activity(pawl, "verify_inventory_activity", verify_inventory_activity, NULL));
    PAWL_TRY(pawl_add_activity(pawl, "request_approval_activity", request_approval_activity, NULL));
    PAWL_TRY(pawl_add_activity(pawl, "process_payment_activity", process_payment_activity, NULL));
    return pawl_add_activity(pawl, "update_inventory_activity", update_inventory_activity, NULL);
}
