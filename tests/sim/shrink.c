// Makes a failure short: fewer kinds of trouble, fewer ids, fewer steps, for as long as the same
// invariant fails. Each try is a process of its own, as the failure may be a crash.

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

enum {
    SHRINK_LINES = 60 // of the trace
};

static struct shared {
    struct sim_failure failure;
    bool over;
} * shared;

// Runs the world of |options|, and writes what it says to |out| (NULL: nowhere). True: it failed.
static bool shrink_try(const struct sim_options *options, FILE *out, struct sim_failure *failure) {
    *shared = (struct shared){0};
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) {
        if (!out) out = fopen("/dev/null", "w");
        dup2(fileno(out), STDERR_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        alarm(SIM_SECONDS);
        bool ok = sim_run(options);
        shared->failure = sim.failure;
        shared->over = true;
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    if (!status) return false;
    *failure = shared->failure;
    if (!shared->over) {
        bool hangs = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
        *failure = (struct sim_failure){.step = options->steps};
        snprintf(failure->invariant, sizeof failure->invariant, "%s",
                 hangs ? "it_goes_on" : "it_does_not_crash");
        snprintf(failure->text, sizeof failure->text, "status %d", status);
    }
    return true;
}

// Keeps |next| if it fails as |failure| says.
static bool shrink_keep(struct sim_options *options, const struct sim_options *next,
                        struct sim_failure *failure) {
    struct sim_failure other;
    if (!shrink_try(next, NULL, &other) || strcmp(other.invariant, failure->invariant) != 0)
        return false;
    *options = *next;
    *failure = other;
    if (failure->step < options->steps) options->steps = failure->step;
    return true;
}

static void shrink_tell_trace(const struct sim_options *options,
                              const struct sim_failure *failure) {
    struct sim_options traced = *options;
    struct sim_failure again;
    FILE *out = tmpfile();
    char line[1024], *lines[SHRINK_LINES] = {0};
    unsigned long count = 0;
    if (!out) return;
    traced.trace = true;
    traced.about = *failure->id ? failure->id : NULL;
    shrink_try(&traced, out, &again);
    rewind(out);
    while (fgets(line, sizeof line, out)) {
        free(lines[count % SHRINK_LINES]);
        lines[count++ % SHRINK_LINES] = pawl__str_dup(pawl__str(line));
    }
    for (unsigned long i = count > SHRINK_LINES ? count - SHRINK_LINES : 0; i < count; i++)
        printf("  %s", lines[i % SHRINK_LINES]);
    for (size_t i = 0; i < SHRINK_LINES; i++) free(lines[i]);
    fclose(out);
}

void sim_shrink(const struct sim_options *given, bool brief) {
    struct sim_options options = *given, next;
    struct sim_failure failure;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) abort();
    if (!shrink_try(&options, NULL, &failure)) {
        printf("seed %llu failed, and did not fail again: something is not drawn from the seed\n",
               (unsigned long long)options.seed);
        return;
    }
    printf("broken: %s: %s%s%s\n", failure.invariant, failure.id, *failure.id ? ": " : "",
           failure.text);
    if (brief) return;
    printf("seed %llu, step %lu; looking for a shorter way\n", (unsigned long long)options.seed,
           failure.step);
    for (int i = 0; i < SIM_FAULTS; i++) {
        next = options;
        next.steps = given->steps;
        next.without |= 1u << i;
        if (next.without != options.without) shrink_keep(&options, &next, &failure);
    }
    for (unsigned ids = 1; ids < options.ids; ids *= 2) {
        next = options;
        next.steps = given->steps;
        next.ids = ids;
        if (shrink_keep(&options, &next, &failure)) break;
    }
    for (unsigned long less = options.steps / 2; less > 0; less /= 2) {
        next = options;
        next.steps = options.steps - less;
        shrink_keep(&options, &next, &failure);
    }
    printf("broken: %s: %s%s%s\n", failure.invariant, failure.id, *failure.id ? ": " : "",
           failure.text);
    shrink_tell_trace(&options, &failure);
    printf("again: pawl-sim --seed %llu --steps %lu --ids %u", (unsigned long long)options.seed,
           options.steps, options.ids);
    for (int i = 0, count = 0; i < SIM_FAULTS; i++)
        if (options.without >> i & 1)
            printf("%s%s", count++ ? "," : " --without ", sim_fault_names[i]);
    printf(" --trace%s%s\n", *failure.id ? " --about " : "", failure.id);
}
