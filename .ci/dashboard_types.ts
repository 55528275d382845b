// What Grafana's own types say of a dashboard; the JSON is put behind the last line. Enums of strings
// become their literals, as JSON has them, and what does not exist is an error.
import type { AnnotationQuery, Dashboard, FieldConfig, Panel } from '@grafana/schema';
import type * as BarGauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as Heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as Timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as Text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Literal<T> = T extends string
  ? `${T}`
  : T extends (infer U)[]
    ? Literal<U>[]
    : T extends object
      ? { [K in keyof T]: Literal<T[K]> }
      : T;

// What a panel leaves out, Grafana takes from its plugin.
type Some<T> = T extends (infer U)[] ? Some<U>[] : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;

type Query = {
  refId: string;
  datasource: { type: 'prometheus'; uid: '$datasource' };
  editorMode: 'code';
  expr: string;
  legendFormat: string;
  instant: boolean;
  range: boolean;
  format?: 'heatmap';
  exemplar?: true;
};
type Fields<Custom> = {
  defaults: Omit<Literal<FieldConfig>, 'custom'> & { custom?: Some<Literal<Custom>> };
  overrides: [];
};
type Board<Type, Options, Custom = never> = Omit<
  Literal<Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & { type: Type; options: Some<Literal<Options>>; fieldConfig: Fields<Custom>; targets: Query[] };

type Boards =
  | Board<'stat', Stat.Options>
  | Board<'bargauge', BarGauge.Options>
  | Board<'heatmap', Heatmap.Options, Heatmap.FieldConfig>
  | Board<'state-timeline', Timeline.Options, Timeline.FieldConfig>
  | Board<'timeseries', TimeSeries.Options, TimeSeries.FieldConfig>
  | (Omit<Literal<Panel>, 'type' | 'options'> & { type: 'text'; options: Some<Literal<Text.Options>> });

// Of an annotation the schema knows what all data sources have; Prometheus has these besides.
type Marks = {
  target: { refId: string; expr: string };
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};
type Ours = Omit<Literal<Dashboard>, 'annotations' | 'panels'> & {
  annotations: { list: (Omit<Literal<AnnotationQuery>, 'target'> & Marks)[] };
  panels: Boards[];
};

export const dashboard: Ours =
