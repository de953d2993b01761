/* Time, percentiles, and what the operating system says about the server. */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec t = {0};
    clock_gettime(clock, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

/* 64 cells per power of two, so values are within 1.6 %. */
void record(struct histogram *h, int64_t value)
{
    if (value < 1)
        value = 1;
    int power = 63 - __builtin_clzll(value);
    int cell = power >= 6 ? (value >> (power - 6)) & 63 : (value << (6 - power)) & 63;
    h->cells[power * 64 + cell]++;
    h->count++;
}

double percentile(const struct histogram *h, double fraction)
{
    uint64_t wanted = (uint64_t)(fraction * h->count), passed = 0;
    for (int i = 0; i < 64 * 64; i++) {
        passed += h->cells[i];
        if (passed > wanted)
            return (double)(1ULL << (i / 64)) * (1 + i % 64 / 64.0);
    }
    return 0;
}

/* The process's own CPU clock counts nanoseconds and threads that have ended;
 * /proc/PID/stat counts ticks of 10 ms. */
double server_cpu(int pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) ? 0 : read_clock(clock) / (double)SECOND;
}

double own_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec
           + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* The number behind `label` in a file of /proc/PID; 0 if the process is gone. */
static long number_of(int pid, const char *name, const char *label)
{
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, label, strlen(label)))
            sscanf(line + strlen(label), " %ld", &value);
    if (file)
        fclose(file);
    return value;
}

/* Counted page by page: status is wrong by up to some hundred KiB. */
long server_memory(int pid) { return number_of(pid, "smaps_rollup", "Rss:"); }

long server_threads(int pid) { return number_of(pid, "status", "Threads:"); }
