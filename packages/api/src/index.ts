export * from './names.ts';
export type { ContainerRef, ExecRequest, LogRequest, PodConnector } from './pod-connector.ts';
