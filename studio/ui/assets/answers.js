// No answer of the server may be lost. Gradio (6.31) asks for answers on one stream, which the
// server closes when it has nothing more to say. A question that is asked while the end of the
// stream is on its way counts on a stream that is no longer there, and its answer never comes. So
// Gradio sees one stream here that does not end; the server's streams are opened behind it, one
// after another, whenever a question is open.
(() => {
  const ask = window.fetch.bind(window);
  const lines = new Map(); // by session
  const LINGER = 900; // milliseconds that a sentence stays, so that it can be read

  function lineOf(session) {
    if (!lines.has(session)) lines.set(session, { open: new Set(), early: new Set() });
    return lines.get(session);
  }

  window.fetch = async (input, init) => {
    const address = new URL(input.url ?? input, location);
    if (address.pathname.endsWith("/queue/join")) return question(input, init);
    if (address.pathname.endsWith("/queue/data")) return answers(new Request(input, init));
    return ask(input, init);
  };

  async function question(input, init) {
    const response = await letIn(input, init);
    const session = typeof init?.body === "string" && JSON.parse(init.body).session_hash;
    if (!response.ok || !session) return response;
    const { event_id } = await response.clone().json();
    const line = lineOf(session);
    // On an open stream an answer may overtake the receipt of its question.
    if (event_id && !line.early.delete(event_id)) line.open.add(event_id);
    listen(line);
    return response;
  }

  // A studio that is full, or a page that asks too often, hears so at the door (ui/doorway.py): the
  // sentence shows, the question stays, and is asked again when the door says.
  async function letIn(input, init) {
    const headers = new Headers(init?.headers);
    headers.set("Accept-Language", document.documentElement.lang);
    const me = {};
    for (;;) {
      const response = await ask(input, { ...init, headers });
      if (response.status !== 429) {
        waiting.delete(me);
        show();
        return response;
      }
      const { sentence, seconds } = await response.json();
      waiting.set(me, sentence);
      show();
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
  }

  const waiting = new Map(); // what was said of each question that is not let in yet
  window.studioWaits = () => waiting.size > 0;
  let hiding = 0;
  function show() {
    let line = document.getElementById("studio-wait");
    if (!line && waiting.size) {
      line = document.createElement("p");
      line.id = "studio-wait";
      line.setAttribute("role", "status");
      (document.querySelector(".gradio-container") ?? document.body).append(line);
    }
    if (!line) return;
    clearTimeout(hiding);
    const said = [...waiting.values()].pop();
    if (said) {
      if (line.textContent !== said) line.textContent = said;
      line.classList.add("shown");
    } else hiding = setTimeout(() => line.classList.remove("shown"), LINGER);
  }

  function answers(request) {
    const line = lineOf(new URL(request.url).searchParams.get("session_hash"));
    line.request = request;
    const body = new ReadableStream({ start: (out) => (line.out = out) });
    const here = line.out;
    request.signal.addEventListener("abort", () => {
      if (line.out === here) line.out = null;
      here.error(request.signal.reason);
    });
    listen(line);
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  async function listen(line) {
    if (line.listening || !line.out || !line.open.size) return;
    line.listening = true;
    try {
      await relay(line);
    } catch (error) {
      // The server went away; what was asked of it is lost, and Gradio says so.
      if (line.out) tell(line, `data: ${broken(error)}`);
      line.open.clear();
    }
    line.listening = false;
    listen(line);
  }

  // Passes one stream of the server on; returns when the server has closed it.
  async function relay(line) {
    const { url, headers, credentials, signal } = line.request;
    const response = await ask(url, { headers, credentials, signal });
    if (!response.ok) throw new Error(response.statusText);
    let text = "";
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) throw new Error("the stream broke off");
      const messages = (text + value).split("\n\n");
      text = messages.pop();
      for (const data of messages) {
        const message = JSON.parse(data.replace(/^data: /, ""));
        if (message.msg === "close_stream") return reader.cancel();
        const { event_id } = message;
        if (message.msg === "process_completed" && !line.open.delete(event_id))
          line.early.add(event_id);
        tell(line, data);
      }
    }
  }

  const encoder = new TextEncoder();
  const tell = (line, text) => line.out?.enqueue(encoder.encode(`${text}\n\n`));
  const broken = (error) => JSON.stringify({ msg: "broken_connection", message: String(error) });
})();
