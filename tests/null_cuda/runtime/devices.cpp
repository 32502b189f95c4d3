// Devices and their properties, which environment variables give.
#include "null.h"

// The index on the machine of the card that CUDA_VISIBLE_DEVICES puts at this place: numbers, or UUIDs of cards or of
// slices, which end in it.
static int physical(int place) {
  const char* visible = getenv("CUDA_VISIBLE_DEVICES");
  if (!visible) return place;
  std::string rest = visible;
  for (; place > 0 && rest.find(',') != std::string::npos; place--) rest = rest.substr(rest.find(',') + 1);
  std::string one = rest.substr(0, rest.find(','));
  return one.size() > 4 && one[3] == '-' ? (int)strtol(one.substr(one.size() - 2).c_str(), nullptr, 16) : atoi(one.c_str());
}

E R cudaGetDeviceCount(int* n) {
  *n = 0;
  if (driver_is_old()) return ret(cudaErrorInsufficientDriver);
  if (!devices()) return ret(cudaErrorNoDevice);
  LIVE;
  *n = devices();
  return cudaSuccess;
}
E R cudaGetDevice(int* d) {
  OWNED;
  *d = cur;
  return cudaSuccess;
}
E R cudaSetDevice(int d) {
  OWNED;
  if (!is_lost() && d >= devices()) return ret(cudaErrorInvalidDevice);
  cur = d;
  return cudaSuccess;
}
E R cudaDriverGetVersion(int* v) {
  const char* driver = getenv("NULLCUDA_DRIVER");
  *v = !driver_is_old() ? 13000 : strcmp(driver, "none") ? 12060 : 0;
  return cudaSuccess;
}
E R cudaRuntimeGetVersion(int* v) {
  *v = 13000;
  return cudaSuccess;
}
E R cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  LIVE;
  memset(p, 0, sizeof *p);
  const char* n = getenv("NULLCUDA_NAME");
  strcpy(p->name, n ? n : "NVIDIA H100 80GB HBM3");
  const char* slice = getenv("NULLCUDA_MIG");
  if (slice && *slice) strcat(strcat(p->name, " MIG "), slice);
  for (int i = 0; i < 16; i++) p->uuid.bytes[i] = i;
  p->uuid.bytes[15] = physical(device);
  p->totalGlobalMem = total();
  p->sharedMemPerBlock = 49152;
  p->regsPerBlock = 65536;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsDim[0] = 1024;
  p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  const char* cc = getenv("NULLCUDA_CC");
  p->major = cc ? cc[0] - '0' : 9;
  p->minor = cc ? cc[2] - '0' : 0;
  p->multiProcessorCount = 132;
  p->l2CacheSize = 50 << 20;
  p->maxThreadsPerMultiProcessor = 2048;
  p->sharedMemPerMultiprocessor = 233472;
  p->regsPerMultiprocessor = 65536;
  p->sharedMemPerBlockOptin = 232448;
  p->memoryBusWidth = 5120;
  p->concurrentKernels = 1;
  p->unifiedAddressing = 1;
  p->canMapHostMemory = 1;
  p->asyncEngineCount = 3;
  p->textureAlignment = 512;
  p->maxBlocksPerMultiProcessor = 32;
  p->memPitch = 2147483647;
  return cudaSuccess;
}
E R cudaDeviceGetAttribute(int* v, cudaDeviceAttr a, int) {
  cudaDeviceProp p;
  R r = cudaGetDeviceProperties(&p, 0);
  if (r) return r;
  switch (a) {
    case cudaDevAttrComputeCapabilityMajor:
      *v = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *v = p.minor;
      break;
    case cudaDevAttrMultiProcessorCount:
      *v = 132;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *v = 49152;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *v = 232448;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *v = 2048;
      break;
    case cudaDevAttrMaxThreadsPerBlock:
      *v = 1024;
      break;
    case cudaDevAttrWarpSize:
      *v = 32;
      break;
    case cudaDevAttrMaxGridDimX:
      *v = 2147483647;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *v = 65535;
      break;
    default:
      *v = 0;
  }
  return cudaSuccess;
}
E R cudaDeviceGetPCIBusId(char* s, int n, int) {
  snprintf(s, n, "0000:00:00.0");
  return cudaSuccess;
}
E R cudaDeviceGetStreamPriorityRange(int* a, int* b) {
  LIVE;
  *a = 0;
  *b = -5;
  return cudaSuccess;
}
E R cudaDeviceCanAccessPeer(int* c, int, int) {
  *c = 0;
  return cudaSuccess;
}
E R cudaDeviceSynchronize() {
  LIVE;
  if (capturing) return (note("refused in capture", __func__), ret(cudaErrorStreamCaptureUnsupported));
  waits("device");
  return cudaSuccess;
}
