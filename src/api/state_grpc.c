#include "api/details.h"
#include "api/state.h"
#include "wire/timestamp.h"

static struct pawl_str state_grpc_bytes(ProtobufCBinaryData bytes) {
    return (struct pawl_str){(const char *)bytes.data, bytes.len};
}

static bool state_grpc_is_json(Dapr__StateItem__MetadataEntry *const *entries, size_t count) {
    const char *type = pawl__api_map_get((void *const *)entries, count, "contentType");
    return type && pawl__str_starts(pawl__str(type), PAWL_STR("application/json"));
}

static struct pawl_api_item state_grpc_item(const Dapr__StateItem *item, bool remove) {
    bool first =
        item->options && item->options->concurrency ==
                             DAPR__STATE_OPTIONS__STATE_CONCURRENCY__CONCURRENCY_FIRST_WRITE;
    return (struct pawl_api_item){
        .key = pawl__str(item->key),
        .value = state_grpc_bytes(item->value),
        .etag = pawl__str(item->etag ? item->etag->value : NULL),
        .ttl = pawl__str(
            pawl__api_map_get((void *const *)item->metadata, item->n_metadata, "ttlInSeconds")),
        .is_json = state_grpc_is_json(item->metadata, item->n_metadata),
        .first_write = first,
        .remove = remove,
    };
}

static void state_grpc_write_items(struct pawl_api *api, struct pawl_request *request,
                                   enum pawl_api_state_verb verb, const char *store,
                                   Dapr__StateItem *const *items, size_t count) {
    struct pawl_api_item *all = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *all);
    if (!all) {
        pawl__api_nomem(request);
        return;
    }
    for (size_t i = 0; i < count; i++)
        all[i] = state_grpc_item(items[i], verb != PAWL_API_STATE_SAVE);
    struct pawl_api_state *state = pawl__state_begin(api, request, pawl__str(store), verb);
    if (!state) return;
    if (count) state->key = all[0].key;
    pawl__state_write(state, all, count);
}

static void state_grpc_save(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__SaveStateRequest *ask =
        pawl__api_unpack(request, &dapr__save_state_request__descriptor);
    if (ask)
        state_grpc_write_items(api, request, PAWL_API_STATE_SAVE, ask->store_name, ask->states,
                               ask->n_states);
}

static void state_grpc_delete_bulk(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__DeleteBulkStateRequest *ask =
        pawl__api_unpack(request, &dapr__delete_bulk_state_request__descriptor);
    if (ask)
        state_grpc_write_items(api, request, PAWL_API_STATE_DELETE_BULK, ask->store_name,
                               ask->states, ask->n_states);
}

static void state_grpc_delete(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__DeleteStateRequest *ask =
        pawl__api_unpack(request, &dapr__delete_state_request__descriptor);
    if (!ask) return;
    Dapr__StateItem item = DAPR__STATE_ITEM__INIT;
    item.key = ask->key;
    item.etag = ask->etag;
    item.options = ask->options;
    Dapr__StateItem *items[] = {&item};
    state_grpc_write_items(api, request, PAWL_API_STATE_DELETE, ask->store_name, items, 1);
}

static void state_grpc_transaction(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__ExecuteStateTransactionRequest *ask =
        pawl__api_unpack(request, &dapr__execute_state_transaction_request__descriptor);
    if (!ask) return;
    struct pawl_api_item *all =
        pawl__arena_alloc(&request->arena, (ask->n_operations + 1) * sizeof *all);
    if (!all) {
        pawl__api_nomem(request);
        return;
    }
    for (size_t i = 0; i < ask->n_operations; i++) {
        const Dapr__TransactionalStateOperation *op = ask->operations[i];
        bool upsert = strcmp(op->operationtype, "upsert") == 0;
        if ((!upsert && strcmp(op->operationtype, "delete") != 0) || !op->request) {
            char text[200];
            snprintf(text, sizeof text, "operation type %.*s not supported",
                     PAWL_FMT(pawl__str_shorten(pawl__str(op->operationtype), 100)));
            const struct pawl_api_flaw flaw = {.code = PAWL_E_UNIMPLEMENTED,
                                               .reason = "ERR_NOT_SUPPORTED_STATE_OPERATION",
                                               .text = text};
            pawl__api_fail_with(request, &flaw);
            return;
        }
        all[i] = state_grpc_item(op->request, !upsert);
    }
    struct pawl_api_state *state =
        pawl__state_begin(api, request, pawl__str(ask->storename), PAWL_API_STATE_TRANSACTION);
    if (state) pawl__state_write(state, all, ask->n_operations);
}

// --- reading -------------------------------------------------------------------------------------

// The time at which |value| expires, for the metadata of an answer.
static char *state_grpc_expiry(struct pawl_request *request, const struct pawl_state_value *value) {
    char *text = pawl__arena_alloc(&request->arena, PAWL_TIME_TEXT);
    if (text) pawl__time_format(value->expires_at, text);
    return text;
}

static void state_grpc_reply_get(struct pawl_api_state *state) {
    const struct pawl_state_value *value = &state->read.values[0];
    struct pawl_request *request = state->request;
    Dapr__GetStateResponse response = DAPR__GET_STATE_RESPONSE__INIT;
    struct pawl_api_map map = {0};
    if (value->found) {
        response.data = (ProtobufCBinaryData){value->value.len, (uint8_t *)value->value.data};
        response.etag = (char *)value->etag.data;
        if (value->expires_at &&
            pawl__api_map_add(request, &map, 1,
                              &dapr__get_state_response__metadata_entry__descriptor,
                              "ttlExpireTime", state_grpc_expiry(request, value))) {
            response.n_metadata = 1;
            response.metadata = (Dapr__GetStateResponse__MetadataEntry **)map.entries;
        }
    }
    pawl__api_reply(request, &response.base);
}

static void state_grpc_get(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__GetStateRequest *ask =
        pawl__api_unpack(request, &dapr__get_state_request__descriptor);
    struct pawl_str *key = ask ? pawl__arena_alloc(&request->arena, sizeof *key) : NULL;
    if (!key) {
        if (ask) pawl__api_nomem(request);
        return;
    }
    *key = pawl__str(ask->key);
    struct pawl_api_state *state =
        pawl__state_begin(api, request, pawl__str(ask->store_name), PAWL_API_STATE_GET);
    if (state) pawl__state_read(state, key, 1, state_grpc_reply_get);
}

static void state_grpc_reply_bulk(struct pawl_api_state *state) {
    struct pawl_request *request = state->request;
    size_t count = state->read.count;
    Dapr__GetBulkStateResponse response = DAPR__GET_BULK_STATE_RESPONSE__INIT;
    Dapr__BulkStateItem *items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *items);
    response.items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof(void *));
    if (!items || !response.items) {
        pawl__api_nomem(request);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct pawl_state_value *value = &state->read.values[i];
        dapr__bulk_state_item__init(&items[i]);
        items[i].key = (char *)state->user_keys[i].data;
        if (value->found) {
            items[i].data = (ProtobufCBinaryData){value->value.len, (uint8_t *)value->value.data};
            items[i].etag = (char *)value->etag.data;
            struct pawl_api_map map = {0};
            if (value->expires_at &&
                pawl__api_map_add(request, &map, 1,
                                  &dapr__bulk_state_item__metadata_entry__descriptor,
                                  "ttlExpireTime", state_grpc_expiry(request, value))) {
                items[i].n_metadata = 1;
                items[i].metadata = (Dapr__BulkStateItem__MetadataEntry **)map.entries;
            }
        }
        response.items[response.n_items++] = &items[i];
    }
    pawl__api_reply(request, &response.base);
}

static void state_grpc_get_bulk(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__GetBulkStateRequest *ask =
        pawl__api_unpack(request, &dapr__get_bulk_state_request__descriptor);
    struct pawl_str *keys =
        ask ? pawl__arena_alloc(&request->arena, (ask->n_keys + 1) * sizeof *keys) : NULL;
    if (!keys) {
        if (ask) pawl__api_nomem(request);
        return;
    }
    for (size_t i = 0; i < ask->n_keys; i++) keys[i] = pawl__str(ask->keys[i]);
    struct pawl_api_state *state =
        pawl__state_begin(api, request, pawl__str(ask->store_name), PAWL_API_STATE_GET_BULK);
    if (state) pawl__state_read(state, keys, ask->n_keys, state_grpc_reply_bulk);
}

const struct pawl_api_method_row pawl__state_methods[] = {
    {"/dapr.proto.runtime.v1.Dapr/GetState", state_grpc_get},
    {"/dapr.proto.runtime.v1.Dapr/SaveState", state_grpc_save},
    {"/dapr.proto.runtime.v1.Dapr/DeleteState", state_grpc_delete},
    {"/dapr.proto.runtime.v1.Dapr/GetBulkState", state_grpc_get_bulk},
    {"/dapr.proto.runtime.v1.Dapr/DeleteBulkState", state_grpc_delete_bulk},
    {"/dapr.proto.runtime.v1.Dapr/ExecuteStateTransaction", state_grpc_transaction},
    {NULL, NULL},
};
