// What Grafana's own types say of a dashboard; the JSON is put behind the last line. Enums of strings
// become their literals, as JSON has them, and what does not exist is an error.
import type { AnnotationQuery, Dashboard } from '@grafana/schema';

type Literal<T> = T extends string
  ? `${T}`
  : T extends (infer U)[]
    ? Literal<U>[]
    : T extends object
      ? { [K in keyof T]: Literal<T[K]> }
      : T;

// Of an annotation the schema knows what all data sources have; Prometheus has these besides.
type Marks = {
  target: { refId: string; expr: string };
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};
type Ours = Omit<Literal<Dashboard>, 'annotations'> & {
  annotations: { list: (Omit<Literal<AnnotationQuery>, 'target'> & Marks)[] };
};

export const dashboard: Ours =
