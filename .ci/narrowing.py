# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the authors of cargo_credential.py
"""Code as a provider's author writes it: the type checkers must know each branch's types."""

from collections.abc import Sequence
from typing import assert_type

from cargo_credential import (
    Action,
    CacheExpires,
    Credential,
    CredentialResponse,
    Error,
    GetAction,
    GetResponse,
    LoginAction,
    LoginOptions,
    LoginResponse,
    LogoutAction,
    NotFound,
    Operation,
    OtherError,
    OwnersOperation,
    PublishOperation,
    ReadOperation,
    RegistryInfo,
    Secret,
    UnyankOperation,
    YankOperation,
    main,
)


def with_isinstance(action: Action) -> str:
    if isinstance(action, GetAction):
        operation = assert_type(action.operation, Operation)
        if isinstance(operation, PublishOperation):
            return assert_type(operation.cksum, str)
        if isinstance(operation, (YankOperation, UnyankOperation)):
            return operation.name + operation.vers
        return assert_type(operation.kind, str)
    if isinstance(action, LoginAction):
        token = assert_type(action.options.token, Secret | None)
        return token.expose() if token is not None else ""
    return str(action)


def with_match(action: Action) -> str:
    match action:
        case GetAction(ReadOperation()):
            return "read"
        case GetAction(PublishOperation(name, vers, cksum)):
            assert_type(name, str)
            return vers + cksum
        case GetAction(YankOperation(name, vers) | UnyankOperation(name, vers)):
            return assert_type(name, str) + assert_type(vers, str)
        case GetAction(OwnersOperation(name)):
            return assert_type(name, str)
        case LoginAction(LoginOptions(Secret() as token, login_url)):
            assert_type(login_url, str | None)
            return assert_type(token, Secret).expose()
        case LogoutAction():
            return ""
        case _:
            return assert_type(action.kind, str)


def of_an_answer(response: CredentialResponse) -> "int | None":
    match response:
        case GetResponse(Secret(), CacheExpires(expiration), operation_independent):
            assert_type(operation_independent, bool)
            return assert_type(expiration, int)
        case _:
            return None


class Provider(Credential):
    registries = ("r.example", "sparse+https://r.example/index/")

    def get(self, registry: RegistryInfo, operation: Operation, args: "list[str]") -> GetResponse:
        if assert_type(registry.host, str | None) != "r.example":
            raise NotFound
        return GetResponse(
            Secret("x").map(str.upper), CacheExpires(1.5e9), operation_independent=False
        )

    def login(
        self, registry: RegistryInfo, options: LoginOptions, args: "list[str]"
    ) -> LoginResponse:
        try:
            return LoginResponse()
        except OtherError as error:
            assert_type(error.message, str)
            raise
        except Error as error:
            assert_type(error.kind, str)
            raise


def of_registries(provider: Provider, registry: RegistryInfo) -> "tuple[str, bool, int]":
    entries = assert_type(Credential.registries, Sequence[str])
    matches = registry.matches(*provider.registries) or registry.matches(*entries)
    return Provider.registries[0], matches, len(provider.registries)


if __name__ == "__main__":
    main(Provider())
