#ifndef PAWL_TESTS_STORE_SUITE_H
#define PAWL_TESTS_STORE_SUITE_H

// What every store does: run against |kind|. A test program's main calls |suite_main| first, which
// returns -1 when it has run the suite well, and otherwise what main should return.
#include "helper.h"

int suite_main(int argc, char **argv, const struct store_kind *kind);

// Its parts.
int suite_log(void);
int suite_parts(void); // of commits
int suite_mail(void);
int suite_members(void);
int suite_snapshots(void);
int suite_query(void);
int suite_state(void);

#endif
