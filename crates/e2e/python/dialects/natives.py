"""The official SDKs of the upstreams that no caller speaks: `google-genai`,
`boto3`, `ollama`. They say that the upstreams of the tests are what they seem."""

import boto3
import botocore.config
import botocore.exceptions
import ollama
from google import genai
from google.genai import errors, types

from callers import Caller, turns
from cases import Told


class Native(Caller):
    """How one of these SDKs tells a failure."""

    def fails(self, ask, stream, status):
        try:
            told = self.ask(ask, stream)
        except self.kind as error:
            seen = self.status(error)
            assert seen in self.statuses(status), f"{seen} for {status}: {error}"
            return
        raise AssertionError(f"no failure, but {told}")

    def statuses(self, status):
        return (status,)

    def breaks(self, ask, begun):
        came = []
        try:
            for piece in self.pieces(ask):
                came.append(piece)
        except self.kind:
            assert "".join(came).strip() == begun, came
            return
        raise AssertionError(f"it ended as if it were whole: {came}")


class Gemini(Native):
    """`google-genai`."""

    kind = errors.APIError

    def connect(self, url, key):
        options = types.HttpOptions(base_url=url, api_version="v1beta", timeout=30_000)
        return genai.Client(api_key=key, http_options=options)

    def part(self, one):
        match one:
            case ("image", data):
                return types.Part.from_bytes(data=data, mime_type="image/png")
            case ("call", _, name, given):
                return types.Part.from_function_call(name=name, args=given)
            case ("result", _, name, text):
                return types.Part.from_function_response(name=name, response={"result": text})
            case (_, text):
                return types.Part.from_text(text=text)

    def options(self, ask):
        said = list(ask.said)
        config = {"max_output_tokens": ask.most}
        if said[0][0] == "system":
            config["system_instruction"] = said.pop(0)[1]
        if ask.tools:
            declared = [
                types.FunctionDeclaration(
                    name=name, description=what, parameters_json_schema=schema
                )
                for name, what, schema in ask.tools
            ]
            config["tools"] = [types.Tool(function_declarations=declared)]
            calling = types.AutomaticFunctionCallingConfig(disable=True)
            config["automatic_function_calling"] = calling
        if ask.form:
            config["response_mime_type"] = "application/json"
            config["response_schema"] = ask.form
        roles = {"assistant": "model", "tool": "user"}
        contents = [
            types.Content(role=roles.get(who, who), parts=[self.part(one) for one in turn])
            for who, turn in turns(said)
        ]
        config = types.GenerateContentConfig(**config)
        return {"model": self.model(ask), "contents": contents, "config": config}

    def ask(self, ask, stream):
        options = self.options(ask)
        if stream:
            chunks = list(self.client.models.generate_content_stream(**options))
        else:
            chunks = [self.client.models.generate_content(**options)]
        told = Told(model=chunks[-1].model_version)
        for chunk in chunks:
            for part in chunk.candidates[0].content.parts or []:
                told.text += part.text or ""
                if call := part.function_call:
                    told.calls.append((call.id or str(len(told.calls)), call.name, call.args))
        usage = chunks[-1].usage_metadata
        told.usage = (
            usage.prompt_token_count,
            usage.cached_content_token_count,
            usage.candidates_token_count,
        )
        reason = chunks[-1].candidates[0].finish_reason.name
        told.stop = {"STOP": "end", "MAX_TOKENS": "length"}[reason]
        if told.calls:
            told.stop = "calls"
        if ask.form:
            told.form = ask.form.model_validate_json(told.text)
        return told

    def status(self, error):
        return error.code

    def statuses(self, status):
        return (503,) if status == 529 else (status,)

    def pieces(self, ask):
        for chunk in self.client.models.generate_content_stream(**self.options(ask)):
            yield chunk.text or ""


class Bedrock(Native):
    """`boto3`, whose keys come from the environment."""

    kind = (botocore.exceptions.ClientError, botocore.exceptions.EventStreamError)

    def connect(self, url, key):
        once = botocore.config.Config(retries={"total_max_attempts": 1})
        return boto3.client("bedrock-runtime", endpoint_url=url, config=once)

    def block(self, one):
        match one:
            case ("image", data):
                return {"image": {"format": "png", "source": {"bytes": data}}}
            case ("call", id, name, given):
                return {"toolUse": {"toolUseId": id, "name": name, "input": given}}
            case ("result", id, _, text):
                return {"toolResult": {"toolUseId": id, "content": [{"text": text}]}}
            case (_, text):
                return {"text": text}

    def options(self, ask):
        said = list(ask.said)
        options = {"modelId": self.model(ask)}
        if said[0][0] == "system":
            options["system"] = [{"text": said.pop(0)[1]}]
        roles = {"tool": "user"}
        options["messages"] = [
            {"role": roles.get(who, who), "content": [self.block(one) for one in turn]}
            for who, turn in turns(said)
        ]
        if ask.most:
            options["inferenceConfig"] = {"maxTokens": ask.most}
        if ask.tools:
            tools = [
                {
                    "toolSpec": {
                        "name": name,
                        "description": what,
                        "inputSchema": {"json": schema},
                    }
                }
                for name, what, schema in ask.tools
            ]
            options["toolConfig"] = {"tools": tools}
        if ask.form:
            import json

            schema = {"name": "tide", "schema": json.dumps(ask.form.model_json_schema())}
            structure = {"jsonSchema": schema}
            options["outputConfig"] = {
                "textFormat": {"type": "json_schema", "structure": structure}
            }
        return options

    def ask(self, ask, stream):
        import json

        options = self.options(ask)
        if not stream:
            answer = self.client.converse(**options)
            blocks = answer["output"]["message"]["content"]
            stop, usage = answer["stopReason"], answer["usage"]
        else:
            blocks, stop, usage = [], None, None
            for event in self.client.converse_stream(**options)["stream"]:
                (kind, told), = event.items()
                if kind == "contentBlockStart":
                    blocks.append({"toolUse": told["start"]["toolUse"] | {"input": ""}})
                elif kind == "contentBlockDelta" and "toolUse" in told["delta"]:
                    call = blocks[told["contentBlockIndex"]]["toolUse"]
                    call["input"] += told["delta"]["toolUse"]["input"]
                elif kind == "contentBlockDelta":
                    blocks.append(told["delta"])
                elif kind == "messageStop":
                    stop = told["stopReason"]
                elif kind == "metadata":
                    usage = told["usage"]
            for block in blocks:
                if "toolUse" in block:
                    block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
        calls = [block["toolUse"] for block in blocks if "toolUse" in block]
        cached = usage["cacheReadInputTokens"]
        told = Told(
            text="".join(block.get("text", "") for block in blocks),
            calls=[(call["toolUseId"], call["name"], call["input"]) for call in calls],
            stop={"end_turn": "end", "max_tokens": "length", "tool_use": "calls"}[stop],
            usage=(usage["inputTokens"] + cached, cached, usage["outputTokens"]),
        )
        if ask.form:
            told.form = ask.form.model_validate_json(told.text)
        return told

    def status(self, error):
        return error.response["ResponseMetadata"]["HTTPStatusCode"]

    def statuses(self, status):
        return (503,) if status == 529 else (status,)

    def pieces(self, ask):
        for event in self.client.converse_stream(**self.options(ask))["stream"]:
            yield event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")


class Ollama(Native):
    """`ollama`."""

    kind = ollama.ResponseError

    def connect(self, url, key):
        return ollama.Client(host=url, timeout=30)

    def message(self, who, said):
        if who == "tool":
            return [{"role": "tool", "tool_name": name, "content": text} for _, _, name, text in said]
        message = {"role": who, "content": ""}
        for one in said:
            match one:
                case ("image", data):
                    message.setdefault("images", []).append(data)
                case ("call", _, name, given):
                    call = {"function": {"name": name, "arguments": given}}
                    message.setdefault("tool_calls", []).append(call)
                case (_, text):
                    message["content"] += text
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
            options["options"] = {"num_predict": ask.most}
        if ask.form:
            options["format"] = ask.form.model_json_schema()
        return options

    def ask(self, ask, stream):
        options = self.options(ask)
        if stream:
            lines = list(self.client.chat(stream=True, **options))
        else:
            lines = [self.client.chat(**options)]
        last = lines[-1]
        told = Told(model=last.model, usage=(last.prompt_eval_count, None, last.eval_count))
        for line in lines:
            told.text += line.message.content or ""
            for call in line.message.tool_calls or []:
                name, given = call.function.name, dict(call.function.arguments)
                told.calls.append((str(len(told.calls)), name, given))
        told.stop = {"stop": "end", "length": "length"}[last.done_reason]
        if told.calls:
            told.stop = "calls"
        if ask.form:
            told.form = ask.form.model_validate_json(told.text)
        return told

    def status(self, error):
        return error.status_code

    def pieces(self, ask):
        for line in self.client.chat(stream=True, **self.options(ask)):
            yield line.message.content or ""
