"""The three callers: the official SDKs of OpenAI (chat, Responses) and of
Anthropic, each asked in no dialect's words and telling in none."""

import base64
import json

import anthropic
import openai

from cases import Told

OPTIONS = {"max_retries": 0, "timeout": 30.0}


def raises(kind, call):
    """The exception of this class that `call` raises."""
    try:
        done = call()
    except (openai.OpenAIError, anthropic.AnthropicError) as error:
        same_class = isinstance(error, kind)
        assert same_class, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__} was raised, but: {done!r}")


def data_url(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


def turns(said):
    """What belongs to one message: neighbours of one speaker, results apart."""
    speaker = {"image": "user", "call": "assistant", "result": "tool"}
    grouped = []
    for one in said:
        who = speaker.get(one[0], one[0])
        if grouped and grouped[-1][0] == who:
            grouped[-1][1].append(one)
        else:
            grouped.append((who, [one]))
    return grouped


class Caller:
    """One SDK before one upstream, whose models have `prefix` before their names."""

    name = ""

    def __init__(self, url, key="any", prefix="", told=None):
        self.prefix = prefix
        # What becomes of an upstream's status on the way; it stays if it is not here.
        self.told_as = told or {}
        self.client = self.connect(url, key)

    def model(self, ask):
        return self.prefix + ask.model

    def fails(self, ask, stream, status):
        """The failure of the upstream is the SDK's own class for it."""
        error = raises(self.errors[status], lambda: self.ask(ask, stream))
        told = self.told_as.get(status, status)
        assert error.status_code == told, f"{error.status_code} and not {told}: {error}"
        self.check_error(error, status)

    def breaks(self, ask, begun):
        """A stream that breaks raises, and what came before it was there."""
        came = []
        try:
            for piece in self.pieces(ask):
                came.append(piece)
        except (openai.APIError, anthropic.APIError) as error:
            assert not isinstance(error, self.other), f"{type(error).__name__}: {error}"
        else:
            raise AssertionError(f"it ended as if it were whole: {came}")
        text = "".join(came).strip()
        assert text in ("", begun), f"it broke after {text!r}"


class Chat(Caller):
    """Chat Completions of OpenAI."""

    name = "chat"
    errors = {
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        529: openai.InternalServerError,
    }
    # What a broken stream is not: a connection that broke, which says nothing.
    other = openai.APIConnectionError

    def connect(self, url, key):
        return openai.OpenAI(base_url=url + "/v1", api_key=key, **OPTIONS)

    def message(self, who, said):
        if who == "tool":
            return [{"role": "tool", "tool_call_id": id, "content": text} for _, id, _, text in said]
        message = {"role": who}
        parts = []
        for one in said:
            match one:
                case ("image", data):
                    parts.append({"type": "image_url", "image_url": {"url": data_url(data)}})
                case ("call", id, name, given):
                    function = {"name": name, "arguments": json.dumps(given)}
                    call = {"id": id, "type": "function", "function": function}
                    message.setdefault("tool_calls", []).append(call)
                case (_, text):
                    parts.append({"type": "text", "text": text})
        if parts:
            alone = len(parts) == 1 and parts[0]["type"] == "text"
            message["content"] = parts[0]["text"] if alone else parts
        return [message]

    def options(self, ask):
        messages = [one for who, said in turns(ask.said) for one in self.message(who, said)]
        options = {"model": self.model(ask), "messages": messages}
        if ask.tools:
            options["tools"] = [
                {
                    "type": "function",
                    "function": {"name": name, "description": what, "parameters": schema},
                }
                for name, what, schema in ask.tools
            ]
        if ask.most:
            options["max_completion_tokens"] = ask.most
        return options

    def ask(self, ask, stream):
        options = self.options(ask)
        chat = self.client.chat.completions
        if ask.form and not stream:
            return self.told(chat.parse(response_format=ask.form, **options))
        if not stream:
            return self.told(chat.create(**options))
        if ask.form:
            options["response_format"] = ask.form
        if ask.most:
            # The helper takes a cut answer for a failure.
            return self.heard(options)
        wants = {"include_usage": True}
        with chat.stream(stream_options=wants, **options) as events:
            return self.told(events.get_final_completion())

    def heard(self, options):
        """A stream without the helper, chunk by chunk."""
        wants = {"include_usage": True}
        chunks = list(
            self.client.chat.completions.create(stream=True, stream_options=wants, **options)
        )
        told = Told(model=chunks[0].model, usage=self.usage(chunks[-1].usage))
        for chunk in chunks:
            for choice in chunk.choices:
                told.text += choice.delta.content or ""
                told.stop = self.reasons.get(choice.finish_reason, told.stop)
        return told

    reasons = {"stop": "end", "length": "length", "tool_calls": "calls"}

    def told(self, answer):
        choice, = answer.choices
        calls = choice.message.tool_calls or []
        return Told(
            text=choice.message.content or "",
            calls=[
                (call.id, call.function.name, json.loads(call.function.arguments)) for call in calls
            ],
            raw=[call.function.arguments for call in calls],
            stop=self.reasons[choice.finish_reason],
            usage=self.usage(answer.usage),
            form=getattr(choice.message, "parsed", None),
            model=answer.model,
        )

    def usage(self, usage):
        details = usage.prompt_tokens_details
        cached = details and details.cached_tokens
        same = usage.prompt_tokens + usage.completion_tokens == usage.total_tokens
        assert same, usage
        return usage.prompt_tokens, cached, usage.completion_tokens

    def check_error(self, error, status):
        # A gate's own errors have all of them a code.
        assert error.code or not self.told_as, f"no code: {error}"

    def pieces(self, ask):
        stream = self.client.chat.completions.create(stream=True, **self.options(ask))
        for chunk in stream:
            for choice in chunk.choices:
                yield choice.delta.content or ""


class Responses(Caller):
    """Responses of OpenAI, which keeps nothing."""

    name = "responses"
    errors = Chat.errors
    # What a broken stream is not: a connection that broke, which says nothing.
    other = openai.APIConnectionError

    def connect(self, url, key):
        return openai.OpenAI(base_url=url + "/v1", api_key=key, **OPTIONS)

    def items(self, who, said):
        kind = "output_text" if who == "assistant" else "input_text"
        content = []
        for one in said:
            match one:
                case ("image", data):
                    image = {"type": "input_image", "image_url": data_url(data), "detail": "auto"}
                    content.append(image)
                case ("call", id, name, given):
                    call = {"type": "function_call", "call_id": id, "name": name}
                    yield call | {"arguments": json.dumps(given)}
                case ("result", id, _, text):
                    yield {"type": "function_call_output", "call_id": id, "output": text}
                case (_, text):
                    content.append({"type": kind, "text": text})
        if content:
            yield {"type": "message", "role": who, "content": content}

    def options(self, ask):
        said = list(ask.said)
        options = {"model": self.model(ask), "store": False}
        if said[0][0] == "system":
            options["instructions"] = said.pop(0)[1]
        options["input"] = [item for who, one in turns(said) for item in self.items(who, one)]
        if ask.tools:
            options["tools"] = [
                {
                    "type": "function",
                    "name": name,
                    "description": what,
                    "parameters": schema,
                    "strict": True,
                }
                for name, what, schema in ask.tools
            ]
        if ask.most:
            options["max_output_tokens"] = ask.most
        return options

    def ask(self, ask, stream):
        options = self.options(ask)
        responses = self.client.responses
        if stream:
            if ask.form:
                options["text_format"] = ask.form
            with responses.stream(**options) as events:
                seen = list(events)
                answer = seen[-1].response
            numbers = [event.sequence_number for event in seen]
            assert numbers == sorted(set(numbers)), numbers
            text = "".join(e.delta for e in seen if e.type == "response.output_text.delta")
            assert text == answer.output_text, f"{text!r} in pieces, {answer.output_text!r} whole"
            return self.told(answer)
        if ask.form:
            return self.told(responses.parse(text_format=ask.form, **options))
        return self.told(responses.create(**options))

    def told(self, answer):
        calls = [item for item in answer.output if item.type == "function_call"]
        stop = "calls" if calls else "end"
        if answer.status == "incomplete":
            assert answer.incomplete_details.reason == "max_output_tokens", answer
            stop = "length"
        else:
            assert answer.status == "completed", answer.status
        usage = answer.usage
        assert usage.input_tokens + usage.output_tokens == usage.total_tokens, usage
        return Told(
            text=answer.output_text,
            calls=[(call.call_id, call.name, json.loads(call.arguments)) for call in calls],
            raw=[call.arguments for call in calls],
            stop=stop,
            usage=(
                usage.input_tokens,
                usage.input_tokens_details.cached_tokens,
                usage.output_tokens,
            ),
            form=getattr(answer, "output_parsed", None),
            model=answer.model,
        )

    def check_error(self, error, status):
        # A gate's own errors have all of them a code.
        assert error.code or not self.told_as, f"no code: {error}"

    def pieces(self, ask):
        """The pieces; a response that failed is told by an event, not raised."""
        for event in self.client.responses.create(stream=True, **self.options(ask)):
            if event.type == "response.output_text.delta":
                yield event.delta
            if event.type == "response.failed":
                error = event.response.error
                raise openai.APIError(error.message, request=None, body=None)
            assert event.type != "response.completed", "it ended as if it were whole"


class Messages(Caller):
    """Messages of Anthropic."""

    name = "messages"
    errors = {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
        529: anthropic.InternalServerError,
    }
    other = anthropic.APIConnectionError
    kinds = {
        400: "invalid_request_error",
        404: "not_found_error",
        429: "rate_limit_error",
        500: "api_error",
        529: "overloaded_error",
    }

    def connect(self, url, key):
        return anthropic.Anthropic(base_url=url, api_key=key, **OPTIONS)

    def block(self, one):
        match one:
            case ("image", data):
                data = base64.b64encode(data).decode()
                source = {"type": "base64", "media_type": "image/png", "data": data}
                return {"type": "image", "source": source}
            case ("call", id, name, given):
                return {"type": "tool_use", "id": id, "name": name, "input": given}
            case ("result", id, _, text):
                return {"type": "tool_result", "tool_use_id": id, "content": text}
            case (_, text):
                return {"type": "text", "text": text}

    def options(self, ask):
        said = list(ask.said)
        options = {"model": self.model(ask), "max_tokens": ask.most or 1000}
        if said[0][0] == "system":
            options["system"] = said.pop(0)[1]
        roles = {"tool": "user"}
        options["messages"] = [
            {"role": roles.get(who, who), "content": [self.block(one) for one in one_turn]}
            for who, one_turn in turns(said)
        ]
        if ask.tools:
            options["tools"] = [
                {"name": name, "description": what, "input_schema": schema}
                for name, what, schema in ask.tools
            ]
        return options

    def ask(self, ask, stream):
        options = self.options(ask)
        messages = self.client.messages
        if stream:
            if ask.form:
                options["output_format"] = ask.form
            with messages.stream(**options) as events:
                raw = {}
                for event in events:
                    if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                        raw[event.index] = raw.get(event.index, "") + event.delta.partial_json
                answer = events.get_final_message()
            return self.told(answer, list(raw.values()))
        if ask.form:
            return self.told(messages.parse(output_format=ask.form, **options))
        return self.told(messages.create(**options))

    reasons = {"end_turn": "end", "max_tokens": "length", "tool_use": "calls"}

    def told(self, answer, raw=None):
        assert (answer.type, answer.role) == ("message", "assistant"), answer
        calls = [block for block in answer.content if block.type == "tool_use"]
        usage = answer.usage
        cached = usage.cache_read_input_tokens
        written = usage.cache_creation_input_tokens
        return Told(
            text="".join(block.text for block in answer.content if block.type == "text"),
            calls=[(call.id, call.name, call.input) for call in calls],
            raw=raw if calls else None,
            stop=self.reasons[answer.stop_reason],
            usage=(usage.input_tokens + (cached or 0) + (written or 0), cached, usage.output_tokens),
            form=getattr(answer, "parsed_output", None),
            model=answer.model,
        )

    def check_error(self, error, status):
        told = error.body["error"]["type"]
        assert error.body["type"] == "error", error.body
        assert told == self.kinds[status], f"{told} and not {self.kinds[status]}"

    def pieces(self, ask):
        with self.client.messages.stream(**self.options(ask)) as stream:
            yield from stream.text_stream


CALLERS = (Chat, Responses, Messages)
