/**
 * What a node serves over gRPC.
 *
 * @module
 */

import {
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  type Interceptor,
} from "@connectrpc/connect";
import type { Address, RpcServeOptions } from "../../mod.ts";
import { LinkService } from "../../proto/gen/cluster/v1/link_pb.ts";
import { Health } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { Authenticator } from "./authenticator.ts";
import { healthService } from "./health_service.ts";
import { callerKey, LinkAcceptor } from "./link_service.ts";
import type { ConnectRpcConfig } from "./options.ts";
import { reflectionService } from "./reflection_service.ts";

/** All services of a node, and its links. */
export interface NodeServices {
  readonly router: ConnectRouter;
  /** Ends all links and watches; resolves when those who use the links are done. */
  close(): Promise<void>;
}

/**
 * Links, health and reflection. Health and challenges are open; everything else wants credentials, also what is added
 * later. Throws `RangeError` for credentials that cannot be meant.
 */
export function nodeServices(options: RpcServeOptions, config: ConnectRpcConfig): NodeServices {
  const authenticator = new Authenticator(options.security, options.audience);
  const closing = new AbortController();
  const links = new LinkAcceptor(options.onLink, config);
  const router = createConnectRouter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    acceptCompression: [],
    readMaxBytes: config.messageBytesMax,
    writeMaxBytes: config.messageBytesMax,
    interceptors: [guard(authenticator, options.onRefused)],
  });
  links.route(router, authenticator);
  healthService(router, options.health, closing.signal);
  reflectionService(router, [LinkService, Health]);
  const close = (): Promise<void> => {
    closing.abort();
    return links.close();
  };
  return { router, close };
}

function guard(
  authenticator: Authenticator,
  onRefused: ((from: Address, reason: string) => void) | undefined,
): Interceptor {
  return (next) => (request) => {
    const { service, method } = request;
    const isOpen = service.typeName === Health.typeName || method === LinkService.method.challenge;
    if (!isOpen) {
      const caller = request.contextValues.get(callerKey);
      try {
        authenticator.admit(request.header);
      } catch (error) {
        onRefused?.(caller, ConnectError.from(error).rawMessage);
        throw error;
      }
    }
    return next(request);
  };
}
