"""openapi/openapi.yaml as the judge of answers, and of its own examples.

SPDX-License-Identifier: Apache-2.0
"""

import json
from typing import Any, Iterator

import jsonschema
import yaml

from flow.stack import REPOSITORY

DOCUMENT = REPOSITORY / "openapi" / "openapi.yaml"


class Contract:
    def __init__(self) -> None:
        self.document = yaml.safe_load(DOCUMENT.read_text())
        self._validators: dict[str, jsonschema.Draft202012Validator] = {}

    def resolve(self, part: dict) -> dict:
        """What a {"$ref": "#/…"} stands for; anything else is itself."""
        while "$ref" in part:
            place = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                place = place[name]
            part = place
        return part

    def check_value(self, schema: dict, value: Any) -> None:
        """Raises jsonschema.ValidationError. References within the schema mean the document's."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**schema, "components": self.document["components"]}
            formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
            self._validators[key] = jsonschema.Draft202012Validator(whole, format_checker=formats)
        self._validators[key].validate(value)

    def check_answer(self, path: str, answer) -> None:
        """An answer (of httpx) to a POST has a documented status, its headers, and a body of its schema."""
        responses = self.document["paths"][path]["post"]["responses"]
        known = str(answer.status_code) in responses
        assert known or answer.status_code in (404, 405), f"{path}: {answer.status_code} is not documented"
        response = self.resolve(responses[str(answer.status_code)] if known else responses["default"])
        for name, header in response.get("headers", {}).items():
            self.check_header(name, self.resolve(header), answer)
        if "content" not in response:
            assert answer.content == b"", answer.text
            return
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type in response["content"], f"{path}: {answer.status_code} with {media_type}"
        self.check_value(response["content"][media_type]["schema"], answer.json())

    def check_header(self, name: str, header: dict, answer) -> None:
        if name not in answer.headers:
            assert not header.get("required"), f"{answer.status_code} without {name}"
            return
        text = answer.headers[name]
        self.check_value(header["schema"], int(text) if header["schema"]["type"] == "integer" else text)

    def examples(self) -> Iterator[tuple[str, dict, Any]]:
        """Each example with its place and its schema."""
        yield from self._examples_of_contents("requestBodies")
        yield from self._examples_of_contents("responses")
        for name, schema in self.document["components"]["schemas"].items():
            yield from self._examples_of_schema(name, schema)

    def _examples_of_contents(self, kind: str) -> Iterator[tuple[str, dict, Any]]:
        for name, part in self.document["components"][kind].items():
            for media_type, content in part.get("content", {}).items():
                for title, example in content.get("examples", {}).items():
                    yield f"{name} {media_type} {title}", content["schema"], example["value"]

    def _examples_of_schema(self, place: str, schema: dict) -> Iterator[tuple[str, dict, Any]]:
        for number, example in enumerate(schema.get("examples", [])):
            yield f"{place} {number}", schema, example
        for name, member in schema.get("properties", {}).items():
            yield from self._examples_of_schema(f"{place}.{name}", member)
