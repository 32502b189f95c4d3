// Streams, events and graph capture. All work is done at once, so only the calls that wait are counted.
#include "null.h"

E R cudaStreamCreate(cudaStream_t* s) {
  LIVE;
  *s = (cudaStream_t)calloc(1, 64);
  return cudaSuccess;
}
E R cudaStreamCreateWithPriority(cudaStream_t* s, unsigned, int) {
  LIVE;
  *s = (cudaStream_t)calloc(1, 64);
  return cudaSuccess;
}
E R cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
E R cudaStreamSynchronize(cudaStream_t s) {
  LIVE;
  if (capturing && s == cap) return (note("refused in capture", __func__), ret(cudaErrorStreamCaptureUnsupported));
  waits("stream");
  return cudaSuccess;
}
E R cudaStreamQuery(cudaStream_t) { return cudaSuccess; }
E R cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
E R cudaStreamGetPriority(cudaStream_t, int* p) {
  *p = 0;
  return cudaSuccess;
}
E R cudaStreamAddCallback(cudaStream_t s, cudaStreamCallback_t f, void* d, unsigned) {
  f(s, cudaSuccess, d);
  return cudaSuccess;
}
E R cudaLaunchHostFunc(cudaStream_t, cudaHostFn_t f, void* d) {
  f(d);
  return cudaSuccess;
}
struct Ev {
  double t;
};
static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * t.tv_sec + 1e-6 * t.tv_nsec;
}
E R cudaEventCreate(cudaEvent_t* e) {
  LIVE;
  *e = (cudaEvent_t)calloc(1, sizeof(Ev));
  return cudaSuccess;
}
E R cudaEventCreateWithFlags(cudaEvent_t* e, unsigned) {
  LIVE;
  *e = (cudaEvent_t)calloc(1, sizeof(Ev));
  return cudaSuccess;
}
E R cudaEventDestroy(cudaEvent_t e) {
  free(e);
  return cudaSuccess;
}
E R cudaEventRecord(cudaEvent_t e, cudaStream_t) {
  LIVE;
  n_event++;
  ((Ev*)e)->t = now();
  return cudaSuccess;
}
E R cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t, unsigned) {
  LIVE;
  n_event++;
  ((Ev*)e)->t = now();
  return cudaSuccess;
}
E R cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
E R cudaEventSynchronize(cudaEvent_t) {
  LIVE;
  waits("event");
  return cudaSuccess;
}
E R cudaEventElapsedTime(float* ms, cudaEvent_t a, cudaEvent_t b) {
  *ms = (float)(((Ev*)b)->t - ((Ev*)a)->t);
  return cudaSuccess;
}
E R cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
  capturing = 1;
  cap = s;
  return cudaSuccess;
}
E R cudaStreamEndCapture(cudaStream_t, cudaGraph_t* g) {
  capturing = 0;
  *g = (cudaGraph_t)calloc(1, 64);
  return cudaSuccess;
}
E R cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus* c) {
  *c = capturing && s == cap ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
E R cudaStreamGetCaptureInfo(cudaStream_t s, cudaStreamCaptureStatus* c, unsigned long long* id, cudaGraph_t* g,
                             const cudaGraphNode_t** d, const cudaGraphEdgeData** e, size_t* n) {
  *c = capturing && s == cap ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  if (id) *id = 1;
  if (g) *g = nullptr;
  if (d) *d = nullptr;
  if (e) *e = nullptr;
  if (n) *n = 0;
  return cudaSuccess;
}
E R cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode*) { return cudaSuccess; }
E R cudaGraphInstantiateWithFlags(cudaGraphExec_t* g, cudaGraph_t, unsigned long long) {
  *g = (cudaGraphExec_t)calloc(1, 64);
  return cudaSuccess;
}
E R cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) {
  n_launch++;
  note("graph", "launch");
  return cudaSuccess;
}
E R cudaGraphDestroy(cudaGraph_t) { return cudaSuccess; }
E R cudaGraphExecDestroy(cudaGraphExec_t) { return cudaSuccess; }
E R cudaGraphGetNodes(cudaGraph_t, cudaGraphNode_t*, size_t* n) {
  *n = 1;
  return cudaSuccess;
}
