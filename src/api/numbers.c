#include "api/numbers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/timestamp.h"

#define SECONDS(nanoseconds) ((double)(nanoseconds) / (double)PAWL_SECOND)

// --- queues --------------------------------------------------------------------------------------

// Since when |work| has been due: the time of the event that scheduled an activity; a turn is due
// since the instance last changed.
static int64_t numbers_due_since(const struct pawl_work *work) {
    const struct pawl_instance *instance = work->effect.instance;
    if (work->effect.type != PAWL_EFFECT_ACTIVITY) return instance->updated_at;
    const struct pawl_pending *item =
        work->effect.generation == instance->generation
            ? pawl__pending_find(&instance->pending, work->effect.task_id)
            : NULL;
    if (!item || item->kind != PAWL_PENDING_TASK) return INT64_MAX; // it is not due any more
    struct pawl_arena arena = {0};
    const Pb__HistoryEvent *event = pawl__history_at(&instance->history, item->offset, &arena);
    int64_t at = event ? pawl__timestamp_get(event->timestamp) : INT64_MAX;
    pawl__arena_finish(&arena);
    return at;
}

static void numbers_note_oldest(const struct pawl_queue *queue, int64_t *oldest) {
    if (!queue->len) return;
    int64_t since = numbers_due_since(pawl__queue_first(queue));
    if (since < *oldest) *oldest = since;
}

static void numbers_read_work(struct pawl_work_numbers *out, const struct pawl_queue *ready,
                              const struct pawl_queue *parked, const struct pawl_waiting *waiting) {
    int64_t oldest = INT64_MAX, now = pawl__clock_wall();
    out->ready = (double)ready->len;
    out->parked = (double)parked->len;
    numbers_note_oldest(ready, &oldest);
    numbers_note_oldest(parked, &oldest);
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        out->waiting += (double)name->queue.len;
        numbers_note_oldest(&name->queue, &oldest);
    }
    out->due = out->ready + out->waiting + out->parked;
    out->oldest = oldest < now ? SECONDS(now - oldest) : 0;
    out->outstanding = out->due + out->in_flight;
}

static void numbers_read_dispatch(struct pawl_numbers *out, const struct pawl_dispatch *dispatch) {
    const struct pawl_dispatch_meters *meters = &dispatch->meters;
    out->turns.in_flight = (double)dispatch->out[true];
    out->activities.in_flight = (double)dispatch->out[false];
    out->turns.given = (double)meters->turns;
    out->turns.lost = (double)meters->lost_turns;
    out->activities.given = (double)meters->activities;
    out->activities.lost = (double)meters->lost_activities;
    out->replayed = (double)meters->whole;
    out->held = (double)dispatch->held.len;
    out->lent = (double)dispatch->lent;
    numbers_read_work(&out->turns, &dispatch->turns, &dispatch->parked_turns,
                      &dispatch->waiting_turns);
    numbers_read_work(&out->activities, &dispatch->activities, &dispatch->parked_activities,
                      &dispatch->waiting_activities);
    out->workers = (double)dispatch->worker_count;
    PAWL_LIST_EACH(const struct pawl_worker, worker, &dispatch->workers, link)
        out->workers_paused += worker->paused;
}

// --- shards --------------------------------------------------------------------------------------

static void numbers_add_state(struct pawl_numbers *out, const struct pawl_partition *partition,
                              int64_t now) {
    const struct pawl_residency *residency = &partition->residency;
    const struct pawl_checkpoint *point = &partition->checkpoint;
    uint64_t lag = residency->durable > point->trimmed ? residency->durable - point->trimmed : 0;
    double age = lag ? SECONDS(now - point->last_at) : 0;
    out->shards_served += pawl__partition_serves(partition);
    out->instances += (double)residency->shard.instances.len;
    out->asleep += (double)residency->sleepers.by_id.len;
    out->resting_bytes += (double)residency->resting_bytes;
    out->calls_waiting += (double)partition->calls.waiters.len;
    out->lag_batches += (double)lag;
    out->lag_bytes += lag ? (double)point->log_bytes : 0;
    if (age > out->snapshot_lag) out->snapshot_lag = age;
}

static void numbers_add(struct pawl_numbers *out, const struct pawl_partition *partition,
                        int64_t now) {
    const struct pawl_writer *writer = &partition->writer;
    const struct pawl_ownership *ownership = &partition->ownership;
    out->batches += (double)writer->batches;
    out->records += (double)writer->records;
    out->bytes += (double)writer->bytes;
    out->letters += (double)writer->letters;
    out->received += (double)partition->mailbox.received;
    out->dropped += (double)partition->dropped;
    out->stalls += (double)partition->stalls;
    out->lease_takes += (double)ownership->takes;
    out->lease_losses += (double)ownership->losses;
    out->shard_failures += (double)ownership->failures;
    // While a shard is being read its state belongs to another thread.
    if (pawl__residency_has_state(&partition->residency)) numbers_add_state(out, partition, now);
}

size_t pawl__workers_here(const struct pawl_node *node, const struct pawl_neighbours *loops) {
    if (!node) return 0;
    size_t others = loops ? pawl__neighbours_workers(loops, &node->members) : 0;
    return node->dispatch.worker_count + others;
}

size_t pawl__workers_elsewhere(const struct pawl_node *node, const struct pawl_neighbours *loops) {
    return node ? pawl__node_worker_count(node) - pawl__workers_here(node, loops) : 0;
}

void pawl__numbers_read(struct pawl_numbers *out, const struct pawl_node *node) {
    *out = (struct pawl_numbers){0};
    if (!node) return;
    int64_t now = pawl__clock_steady();
    numbers_read_dispatch(out, &node->dispatch);
    out->workers_elsewhere = (double)pawl__node_worker_count(node) - out->workers;
    out->ready = pawl__node_ready(node);
    out->shards = (double)node->count;
    for (uint32_t i = 0; i < node->count; i++) numbers_add(out, &node->partitions[i], now);
}

// --- the process ---------------------------------------------------------------------------------

static double numbers_open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    double count = 0;
    if (!folder) return 0;
    for (const struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; // the one that this took
}

// Ticks since boot at which the process began, and its pages; proc(5).
static bool numbers_read_stat(unsigned long long *began, unsigned long long *virtual, long *pages) {
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "r");
    if (!file) return false;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const char *rest = strrchr(text, ')'); // the name may hold anything
    return rest && sscanf(rest,
                          ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                          "%*d %*d %llu %llu %ld",
                          began, virtual, pages) == 3;
}

void pawl__process_numbers_read(struct pawl_process_numbers *out) {
    *out = (struct pawl_process_numbers){0};
    struct rusage usage;
    struct rlimit limit;
    struct timespec since_boot;
    unsigned long long began, virtual;
    long pages;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        out->cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out->max_files = (double)limit.rlim_cur;
    out->open_files = numbers_open_files();
    if (!numbers_read_stat(&began, &virtual, &pages)) return;
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    double age = (double)since_boot.tv_sec + (double)since_boot.tv_nsec / 1e9 -
                 (double)began / (double)sysconf(_SC_CLK_TCK);
    out->started = SECONDS(pawl__clock_wall()) - age;
    out->virtual = (double)virtual;
    out->resident = (double)pages * (double)sysconf(_SC_PAGESIZE);
}
