// libnvidia-ml.so.1: NVIDIA's management library, as nvidia-ml-py and torch call it. The variables are the runtime's
// own. No MIG slice, no other process and no throttling is modelled.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef int R;
typedef struct {
  unsigned long long total, free, used;
} Memory;
typedef struct {
  unsigned version;
  unsigned long long total, reserved, free, used;
} Memory2;
static const char* variable(const char* name, const char* otherwise) {
  const char* v = getenv(name);
  return v ? v : otherwise;
}
static unsigned count(void) { return atoi(variable("NULLCUDA_DEVICES", "1")); }
static unsigned long long bytes(void) { return atof(variable("NULLCUDA_GB", "80")) * 1e9; }
static void uuid_of(unsigned long index, char* text, unsigned n) {
  snprintf(text, n, "GPU-00010203-0405-0607-0809-0a0b0c0d0e%02lx", index);
}
R nvmlInit_v2(void) { return 0; }
R nvmlInitWithFlags(unsigned flags) { return 0; }
R nvmlShutdown(void) { return 0; }
const char* nvmlErrorString(R r) {
  return r == 3 ? "Not Supported" : r == 6 ? "Not Found" : r ? "Invalid Argument" : "Success";
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
  if (index >= count()) return 2;
  *device = (void*)(index + 1UL);  // a handle is the index plus 1, since 0 is no handle
  return 0;
}
R nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  char text[64];
  for (unsigned i = 0; i < count(); i++) {
    uuid_of(i, text, sizeof text);
    if (!strcmp(text, uuid)) return nvmlDeviceGetHandleByIndex_v2(i, device);
  }
  return 6;
}
R nvmlDeviceGetHandleByPciBusId_v2(const char* bus, void** device) { return nvmlDeviceGetHandleByIndex_v2(0, device); }
R nvmlDeviceGetName(void* device, char* text, unsigned n) {
  snprintf(text, n, "%s", variable("NULLCUDA_NAME", "NVIDIA H100 80GB HBM3"));
  return 0;
}
R nvmlDeviceGetUUID(void* device, char* text, unsigned n) {
  uuid_of((unsigned long)device - 1, text, n);
  return 0;
}
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
R nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) {
  *now = *pending = 0;
  return 0;
}
R nvmlDeviceGetMaxMigDeviceCount(void* device, unsigned* n) {
  *n = 0;
  return 0;
}
R nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** slice) { return 6; }
R nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void* slice, void** device) { return 6; }
R nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* n, void* infos) {
  *n = 0;
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
R nvmlDeviceGetNvLinkRemoteDeviceType(void* device, unsigned link, int* kind) { return 3; }
R nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, void* info) { return 3; }
R nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = 13000;
  return 0;
}
