// A worker between a call's encoder and the network: each packet leaves a little later, by the phase that was drawn for
// that call. Without it all calls of a page speak at one instant, and fare alike in weather that changes within a tick.

self.onrtctransform = event => {
  const { readable, writable, options } = event.transformer;
  readable.pipeThrough(new TransformStream({
    transform(frame, controller) { setTimeout(() => controller.enqueue(frame), options.phase_ms); },
  })).pipeTo(writable).catch(() => {});
};
