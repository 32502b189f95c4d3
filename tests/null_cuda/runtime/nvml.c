// libnvidia-ml.so.1: NVIDIA's management library, as nvidia-ml-py and torch call it. The variables are the runtime's
// own. A handle is the index of a card plus 1, since 0 is no handle; that of a slice (MIG) has its number in bits 8 up.
// No throttling is modelled.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
typedef int R;
enum { INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NOT_LOADED = 9, LOST = 15 };
enum { SLICES = 2 };  // of each card, if NULLCUDA_MIG names their profile
typedef struct {
  unsigned long long total, free, used;
} Memory;
typedef struct {
  unsigned pid;
  unsigned long long memory;
  unsigned slice, compute_slice;
} Process;
typedef struct {
  unsigned version;
  unsigned long long total, reserved, free, used;
} Memory2;
static const char* variable(const char* name, const char* otherwise) {
  const char* v = getenv(name);
  return v ? v : otherwise;
}
static unsigned count(void) { return atoi(variable("NULLCUDA_DEVICES", "1")); }
static const char* profile(void) { return variable("NULLCUDA_MIG", ""); }
static unsigned long long bytes(void) { return atof(variable("NULLCUDA_GB", "80")) * 1e9; }
static unsigned long card_of(void* handle) { return ((unsigned long)handle & 255) - 1; }
static unsigned long slice_of(void* handle) { return (unsigned long)handle >> 8; }
// The card is gone from the time when this file exists.
static int is_lost(void) { return !access(variable("NULLCUDA_LOST", ""), F_OK); }
R nvmlInitWithFlags(unsigned flags) { return strcmp(variable("NULLCUDA_DRIVER", ""), "none") ? 0 : NOT_LOADED; }
R nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
R nvmlShutdown(void) { return 0; }
const char* nvmlErrorString(R r) {
  return r == NOT_SUPPORTED ? "Not Supported" : r == NOT_FOUND ? "Not Found" : r == LOST ? "GPU is lost" : "Error";
}
R nvmlSystemGetDriverVersion(char* text, unsigned n) {
  snprintf(text, n, "%s", variable("NULLCUDA_DRIVER", "580.95.05"));
  return 0;
}
R nvmlDeviceGetCount_v2(unsigned* n) {
  *n = count();
  return 0;
}
R nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= count()) return INVALID;
  *device = (void*)(index + 1UL);
  return is_lost() ? LOST : 0;
}
R nvmlDeviceGetName(void* device, char* text, unsigned n) {
  const char* card = variable("NULLCUDA_NAME", "NVIDIA H100 80GB HBM3");
  snprintf(text, n, slice_of(device) ? "%s MIG %s" : "%s", card, profile());
  return 0;
}
R nvmlDeviceGetUUID(void* device, char* text, unsigned n) {
  const char* kind = slice_of(device) ? "MIG" : "GPU";
  snprintf(text, n, "%s-00010203-0405-0607-0809-0a0b0c0d%02lx%02lx", kind, slice_of(device) ? slice_of(device) : 14,
           card_of(device));
  return 0;
}
R nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) {
  *now = *pending = *profile() != 0;
  return 0;
}
R nvmlDeviceGetMaxMigDeviceCount(void* device, unsigned* n) {
  *n = 7;
  return 0;
}
R nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** slice) {
  if (!*profile() || index >= SLICES) return NOT_FOUND;
  *slice = (void*)((unsigned long)device | (index + 1UL) << 8);
  return 0;
}
R nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void* slice, void** device) {
  *device = (void*)(card_of(slice) + 1);
  return 0;
}
R nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  char text[64];
  for (unsigned long handle = 1; handle <= count() * (SLICES + 1UL); handle++) {
    *device = (void*)((handle - 1) % count() + 1 | (handle - 1) / count() << 8);
    nvmlDeviceGetUUID(*device, text, sizeof text);
    if (!strcmp(text, uuid)) return is_lost() ? LOST : 0;
  }
  return NOT_FOUND;
}
R nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) { return nvmlDeviceGetHandleByIndex_v2(0, device); }
R nvmlDeviceGetMemoryInfo(void* device, Memory* m) {
  m->total = m->free = bytes();
  m->used = 0;
  return 0;
}
R nvmlDeviceGetMemoryInfo_v2(void* device, Memory2* m) {
  m->total = m->free = bytes();
  m->used = m->reserved = 0;
  return 0;
}
R nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  return sscanf(variable("NULLCUDA_CC", "9.0"), "%d.%d", major, minor) == 2 ? 0 : 2;
}
// A process of another user computes on the card with the number NULLCUDA_BUSY.
R nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* n, Process* found) {
  const char* busy = variable("NULLCUDA_BUSY", "");
  unsigned room = *n;
  *n = *busy && atoi(busy) == card_of(device);
  if (*n > room) return TOO_SMALL;
  if (*n) found->pid = 4242;
  return 0;
}
R nvmlSystemGetProcessName(unsigned pid, char* text, unsigned n) {
  snprintf(text, n, "another-program");
  return 0;
}
R nvmlDeviceGetClockInfo(void* device, int kind, unsigned* mhz) {
  *mhz = 1980;
  return 0;
}
R nvmlDeviceGetTemperature(void* device, int sensor, unsigned* celsius) {
  *celsius = 41;
  return 0;
}
R nvmlDeviceGetCurrentClocksEventReasons(void* device, unsigned long long* reasons) {
  *reasons = 0;
  return 0;
}
R nvmlDeviceGetCurrentClocksThrottleReasons(void* device, unsigned long long* reasons) {
  *reasons = 0;
  return 0;
}
// what torch asks for when memory runs out, and loads with it
R nvmlDeviceGetComputeRunningProcesses(void* device, unsigned* n, void* infos) {
  *n = 0;
  return 0;
}
R nvmlDeviceGetNvLinkRemoteDeviceType(void* device, unsigned link, int* kind) { return NOT_SUPPORTED; }
R nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, void* info) { return NOT_SUPPORTED; }
R nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = 13000;
  return 0;
}
