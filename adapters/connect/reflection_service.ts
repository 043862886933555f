/**
 * Standard gRPC server reflection.
 *
 * @module
 */

import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ServerReflectionAlpha,
  type ServerReflectionRequest as AlphaRequest,
} from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.ts";

/** The answers of both versions have the same shape. */
type Answer = Pick<ServerReflectionResponse, "validHost"> & {
  readonly messageResponse: AnswerBody;
};

type AnswerBody =
  | {
    readonly case: "fileDescriptorResponse";
    readonly value: { fileDescriptorProto: Uint8Array[] };
  }
  | {
    readonly case: "allExtensionNumbersResponse";
    readonly value: { baseTypeName: string; extensionNumber: number[] };
  }
  | { readonly case: "listServicesResponse"; readonly value: { service: { name: string }[] } }
  | { readonly case: "errorResponse"; readonly value: { errorCode: number; errorMessage: string } };

/** Serves the descriptors of `services` and of reflection itself, as `v1` and `v1alpha`. */
export function reflectionService(router: ConnectRouter, services: readonly DescService[]): void {
  const index = new DescriptorIndex([...services, ServerReflection, ServerReflectionAlpha]);
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests): AsyncGenerator<Answer> {
      for await (const request of requests) {
        yield { ...answer(index, request), originalRequest: request } as Answer;
      }
    },
  });
  router.service(ServerReflectionAlpha, {
    async *serverReflectionInfo(requests): AsyncGenerator<Answer> {
      for await (const request of requests) {
        yield { ...answer(index, request), originalRequest: request } as Answer;
      }
    },
  });
}

function answer(
  index: DescriptorIndex,
  request: ServerReflectionRequest | AlphaRequest,
): Answer {
  return { validHost: request.host, messageResponse: answerBody(index, request.messageRequest) };
}

function answerBody(
  index: DescriptorIndex,
  question: (ServerReflectionRequest | AlphaRequest)["messageRequest"],
): AnswerBody {
  switch (question.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.services() } };
    case "fileByFilename":
      return filesOrError(index.fileNamed(question.value));
    case "fileContainingSymbol":
      return filesOrError(index.fileWith(question.value));
    case "allExtensionNumbersOfType":
      return index.fileWith(question.value) === undefined ? notFound() : {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber: [] },
      };
    case "fileContainingExtension":
      return notFound();
    default:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "unknown question" },
      };
  }
}

function filesOrError(file: DescFile | undefined): AnswerBody {
  if (file === undefined) return notFound();
  const fileDescriptorProto = withImports(file).map((one) =>
    toBinary(FileDescriptorProtoSchema, one.proto)
  );
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(): AnswerBody {
  return { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: "not found" } };
}

/** The file itself first, then everything it imports, each once. */
function withImports(file: DescFile): DescFile[] {
  const found = new Set<DescFile>([file]);
  for (const one of found) for (const dependency of one.dependencies) found.add(dependency);
  return [...found];
}

class DescriptorIndex {
  readonly #services: readonly DescService[];
  readonly #files: ReadonlyMap<string, DescFile>;
  readonly #symbols: ReadonlyMap<string, DescFile>;

  constructor(services: readonly DescService[]) {
    this.#services = services;
    const files = new Set(services.flatMap((service) => withImports(service.file)));
    this.#files = new Map([...files].map((file) => [file.proto.name, file]));
    this.#symbols = new Map([...files].flatMap((file) => symbolsOf(file).map((s) => [s, file])));
  }

  services(): { name: string }[] {
    return this.#services.map(({ typeName }) => ({ name: typeName }));
  }

  fileNamed(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** `symbol` may name a service, a method, a message, a field or an enum. */
  fileWith(symbol: string): DescFile | undefined {
    const name = symbol.replace(/^\./, "");
    return this.#symbols.get(name) ??
      this.#symbols.get(name.slice(0, Math.max(0, name.lastIndexOf("."))));
  }
}

function symbolsOf(file: DescFile): string[] {
  const nested = (messages: DescFile["messages"]): string[] =>
    messages.flatMap((message) => [
      message.typeName,
      ...message.nestedEnums.map(({ typeName }) => typeName),
      ...nested(message.nestedMessages),
    ]);
  return [
    ...file.services.map(({ typeName }) => typeName),
    ...file.enums.map(({ typeName }) => typeName),
    ...nested(file.messages),
  ];
}
