#ifndef PAWL_ENGINE_COMMAND_H
#define PAWL_ENGINE_COMMAND_H

// What the commands of a shard share: finding instances, packing events, recording.
//
// A command decides first, with |shard->arena| alone; then it reserves, applies and records. What
// it could not find is loaded by the caller, who gives the command again (PAWL_E_NEEDED).

#include "engine/apply.h"
#include "engine/effects.h"
#include "engine/events.h"

// Finds an instance of this shard, or a ghost. PAWL_E_NEEDED when neither is in memory.
enum pawl_err pawl__command_need(struct pawl_shard *shard, struct pawl_str id,
                                 struct pawl_instance **out, struct pawl_error *error);

// For commands that need many instances. The first, after pawl__command_need has given
// PAWL_E_NEEDED, notes the missing one, so that the command can go on and find the others; the
// second asks for all that were noted, and gives PAWL_OK when none was.
enum pawl_err pawl__command_miss(struct pawl_shard *shard, struct pawl_need **missing,
                                 struct pawl_error *error);
enum pawl_err pawl__command_ask(struct pawl_shard *shard, const struct pawl_need *missing,
                                struct pawl_error *error);

// Packs |event| into |shard->arena|. PAWL_E_INVALID: it could not be read again, as a text is not
// UTF-8 or it nests too deeply; one such event in the log would make all of the log unreadable.
// PAWL_E_NOMEM.
enum pawl_err pawl__command_pack(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                 struct pawl_str *bytes, struct pawl_error *error);

// The same for an event from outside. PAWL_E_TOO_LARGE: it may not be recorded.
enum pawl_err pawl__command_pack_outside(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                         struct pawl_str *bytes, struct pawl_error *error);

// Applies the packed event |bytes| to |instance|, which exists, and records it. PAWL_E_NOMEM:
// nothing has changed.
enum pawl_err pawl__command_add(struct pawl_shard *shard, struct pawl_instance *instance,
                                struct pawl_str bytes);

// The same for an event of the engine's own making.
enum pawl_err pawl__command_add_event(struct pawl_shard *shard, struct pawl_instance *instance,
                                      const Pb__HistoryEvent *event);

// Starts |instance| with the packed ExecutionStarted |event| and the PropagatedHistory |propagated|
// (empty: none), and records it. PAWL_E_NOMEM: nothing has changed.
enum pawl_err pawl__command_start(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  struct pawl_instance *instance, struct pawl_str event,
                                  struct pawl_str propagated);

// Whether the activities that |response|, of |bytes| bytes, asks for fit a message, and what it
// passes on of the history of |instance| the store. PAWL_E_TOO_LARGE: a text for its stall.
enum pawl_err pawl__command_check_sizes(const struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, size_t bytes,
                                        struct pawl_error *error);

// --- reuse.c ------------------------------------------------------------------------------------

// Whether the id of |instance|, which exists, may be used again: nothing of its run is still going
// on. |starter| is the instance that asks, if it is one: it runs for as long as its turn is not
// over, so that no circle of children arises. PAWL_E_EXISTS, PAWL_E_UNKNOWN: texts of the
// reference. PAWL_E_NEEDED.
enum pawl_err pawl__command_check_reuse(struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const struct pawl_instance *starter,
                                        struct pawl_error *error);

// Whether the id of |target| cannot be given to what |sender| (NULL: one elsewhere) starts: an id
// is free again once its workflow has ended, as it is for a client. A workflow that calls a child
// and continues as new asks for the same id each time. |error| then says why. PAWL_E_NEEDED.
enum pawl_err pawl__command_check_taken(struct pawl_shard *shard,
                                        const struct pawl_instance *target,
                                        const struct pawl_instance *sender, bool *taken,
                                        struct pawl_error *error);

// Asks for what that will look at. PAWL_E_NEEDED.
enum pawl_err pawl__command_need_taken(struct pawl_shard *shard, const struct pawl_instance *target,
                                       const struct pawl_instance *sender,
                                       struct pawl_error *error);

// --- results ------------------------------------------------------------------------------------

// Whether |instance| takes the result of an activity or a child, which is an event of |len| bytes.
bool pawl__command_has_room(const struct pawl_shard *shard, const struct pawl_instance *instance,
                            size_t len);

// What |instance| is told in place of a result for which it has no room. NULL: memory is out.
Pb__TaskFailureDetails *pawl__command_too_large(struct pawl_shard *shard,
                                                const struct pawl_instance *instance, size_t len);

// A failure with these texts. NULL: memory is out, which it also is when |text| is NULL.
Pb__TaskFailureDetails *pawl__command_failure(struct pawl_shard *shard, const char *type,
                                              char *text);

// Notes that |instance| cannot go on, unless the history tells it already, and holds its turn.
// PAWL_E_NOMEM: nothing has changed.
enum pawl_err pawl__command_stall(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  struct pawl_instance *instance, Pb__StalledReason reason,
                                  char *text);

// --- answer.c -----------------------------------------------------------------------------------

// Emits the effects of a record of |instance| that was applied, and sends its messages.
// PAWL_E_NOMEM: not all of it was done, and the shard has |failed|.
enum pawl_err pawl__command_send_all(struct pawl_shard *shard, struct pawl_stamp stamp,
                                     struct pawl_instance *instance,
                                     const struct pawl_outcome *outcome);

// --- purge.c ------------------------------------------------------------------------------------

// Removes |instance|, which exists; see pawl__shard_purge.
enum pawl_err pawl__command_purge(struct pawl_shard *shard, struct pawl_instance *instance,
                                  const struct pawl_purge_ask *ask, uint32_t *count,
                                  struct pawl_kin **kin, struct pawl_error *error);

// --- messages -----------------------------------------------------------------------------------

// Sends |message|, whose target is in another shard or app, with the batch under construction.
// PAWL_E_NOMEM: it was not.
enum pawl_err pawl__command_post(struct pawl_shard *shard, const struct pawl_message *message);

// --- receive.c ----------------------------------------------------------------------------------

// Receives |message| of |sender| (NULL: one elsewhere). All that it needs is in memory.
// PAWL_E_NOMEM: nothing of it has happened.
enum pawl_err pawl__command_receive(struct pawl_shard *shard, struct pawl_stamp stamp,
                                    struct pawl_instance *sender,
                                    const struct pawl_message *message);

// Fills |out| with the answer to |message| that it could not start what it should; |details| NULL:
// memory is out. PAWL_E_NOMEM.
enum pawl_err pawl__command_answer(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   const struct pawl_message *message,
                                   Pb__TaskFailureDetails *details, struct pawl_message *out);

// Answers |message| with that. |sender|: as above; |details| NULL: memory is out. PAWL_E_NOMEM.
enum pawl_err pawl__command_refuse(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   struct pawl_instance *sender, const struct pawl_message *message,
                                   Pb__TaskFailureDetails *details);

// Notes that |message| had nowhere to go; |about| or somebody else has to know. PAWL_E_NOMEM.
enum pawl_err pawl__command_drop(struct pawl_shard *shard, struct pawl_instance *about,
                                 const struct pawl_message *message, const char *why);

#endif
