// The service worker: answers from the server if there is a network, else with the last copy of the page.

const STORE = "talkpath 1";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", event => {
  if (event.request.method !== "GET") return;
  event.respondWith(fetch(event.request).then(
    async answer => {
      if (answer.ok) (await caches.open(STORE)).put(event.request, answer.clone());
      return answer;
    },
    async () => (await caches.match(event.request)) ?? Response.error(),
  ));
});
