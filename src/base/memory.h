#ifndef PAWL_BASE_MEMORY_H
#define PAWL_BASE_MEMORY_H

// Gives freed memory back to the system, which the allocator keeps otherwise. Takes milliseconds
// with a large heap.
void pawl__memory_trim(void);

#endif
